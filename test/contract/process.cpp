// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/process.hpp>

#include <multiprocessing/context.hpp>
#include <multiprocessing/queue.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

// A process from its start to its end, and what is known of it. How it can be ended is in process_end, what
// it inherits in process_inheritance.

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

using numbers = mp::queue<long>;
using texts = mp::queue<std::string>;

void do_nothing() {}
int give_7() {
    return 7;
}
void exit_with(int code) {
    std::exit(code);
}
void put_sum(numbers to, std::vector<int> terms, long more) {
    for (const int term : terms) {
        more += term;
    }
    to.put(more);
}
void put_text(texts to, std::string text) {
    to.put(text);
}
void put_pid(numbers to) {
    to.put(::getpid());
}
void wait_for(numbers gate) {
    gate.get();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process, leaves_nothing)

// start, join, exit_code

BOOST_AUTO_TEST_CASE(runs_its_function_in_another_process) {
    numbers pids(1);
    mp::process p{put_pid, pids};
    p.start();
    p.join();
    const auto pid = pids.get();
    BOOST_TEST(pid != ::getpid());
    BOOST_TEST(pid == p.pid());
}

BOOST_AUTO_TEST_CASE(hands_arguments_over) {
    numbers sums(1);
    mp::process p{put_sum, sums, std::vector{1, 2, 3}, 4};
    p.start();
    p.join();
    BOOST_TEST(sums.get() == 10);
}

BOOST_AUTO_TEST_CASE(takes_a_literal_for_a_string) {
    texts out(1);
    mp::process p{put_text, out, "literal"};
    p.start();
    p.join();
    BOOST_TEST(out.get() == "literal");
}

BOOST_AUTO_TEST_CASE(takes_large_arguments) {
    texts out(1);
    const std::string large(8 << 20, 'x');
    mp::process p{put_text, out, large};
    p.start();
    BOOST_TEST((out.get() == large));
    p.join();
}

BOOST_AUTO_TEST_CASE(takes_a_lambda) {
    numbers out(1);
    mp::process p{[n = 5L](numbers to) { to.put(n); }, out};
    p.start();
    p.join();
    BOOST_TEST(out.get() == 5);
}

BOOST_AUTO_TEST_CASE(arguments_are_those_of_the_time_of_construction) {
    texts out(1);
    auto text = "before"s;
    mp::process p{put_text, out, text};
    text = "after";
    p.start();
    p.join();
    BOOST_TEST(out.get() == "before");
}

BOOST_AUTO_TEST_CASE(a_function_that_returns_gives_exit_code_0) {
    mp::process p{do_nothing};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(what_the_function_returns_is_not_the_exit_code) {
    mp::process p{give_7};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(exit_in_the_child_gives_its_exit_code) {
    mp::process p{exit_with, 3};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 3);
}

BOOST_AUTO_TEST_CASE(a_signal_gives_its_negative_number) {
    mp::process p{[] { std::raise(SIGUSR1); }};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == -SIGUSR1);
}

BOOST_AUTO_TEST_CASE(exit_code_9_is_not_signal_9) {
    mp::process p{exit_with, SIGKILL};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == SIGKILL);
}

BOOST_AUTO_TEST_CASE(there_is_no_exit_code_before_the_end) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    BOOST_TEST(!p.exit_code());
    p.start();
    BOOST_TEST(!p.exit_code());
    gate.put(0);
    p.join();
    BOOST_TEST(p.exit_code().has_value());
}

BOOST_AUTO_TEST_CASE(joining_again_returns_at_once) {
    mp::process p{do_nothing};
    p.start();
    p.join();
    p.join();
    BOOST_TEST(p.join_for(0s));
}

BOOST_AUTO_TEST_CASE(join_for_and_join_until_tell_whether_it_has_ended) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    p.start();
    BOOST_TEST(!p.join_for(1ms));
    BOOST_TEST(!p.join_until(std::chrono::system_clock::now()));
    BOOST_TEST(!p.join_until(std::chrono::steady_clock::now()));
    gate.put(0);
    BOOST_TEST(p.join_for(std::chrono::hours(1)));
    BOOST_TEST(p.join_until(std::chrono::system_clock::now() + 1h));
}

BOOST_AUTO_TEST_CASE(several_threads_may_join_one_process) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    p.start();
    std::thread other([&] { p.join(); });
    gate.put(0);
    p.join();
    other.join();
    BOOST_TEST(!p.is_alive());
}

BOOST_AUTO_TEST_CASE(several_threads_may_start_processes) {
    std::vector<std::thread> threads;
    std::vector<std::optional<int>> codes(8);
    for (int i = 0; i != 8; ++i) {
        threads.emplace_back([&codes, i] {
            mp::process p{exit_with, i};
            p.start();
            p.join();
            codes[static_cast<std::size_t>(i)] = p.exit_code();
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (int i = 0; i != 8; ++i) {
        BOOST_TEST(codes[static_cast<std::size_t>(i)].value() == i);
    }
}

BOOST_AUTO_TEST_CASE(a_process_outlives_the_thread_that_started_it) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    std::thread([&] { p.start(); }).join();
    gate.put(0);
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
}

// Misuse

BOOST_AUTO_TEST_CASE(starts_once) {
    mp::process p{do_nothing};
    p.start();
    BOOST_CHECK_THROW(p.start(), std::logic_error);
    p.join();
    BOOST_CHECK_THROW(p.start(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(cannot_be_joined_or_ended_before_it_is_started) {
    mp::process p{do_nothing};
    BOOST_CHECK_THROW(p.join(), std::logic_error);
    BOOST_CHECK_THROW(p.join_for(1ms), std::logic_error);
    BOOST_CHECK_THROW(p.terminate(), std::logic_error);
    BOOST_CHECK_THROW(p.kill(), std::logic_error);
    BOOST_CHECK_THROW(p.detach(), std::logic_error);
}

// What is known of it

BOOST_AUTO_TEST_CASE(is_alive_between_start_and_end) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    BOOST_TEST(!p.is_alive());
    p.start();
    BOOST_TEST(p.is_alive());
    gate.put(0);
    p.join();
    BOOST_TEST(!p.is_alive());
}

BOOST_AUTO_TEST_CASE(has_no_pid_and_no_handle_before_it_is_started) {
    const mp::process p{do_nothing};
    BOOST_TEST(p.pid() == 0);
    BOOST_TEST(p.native_handle() == -1);
}

BOOST_AUTO_TEST_CASE(its_handle_becomes_readable_when_it_ends) {
    numbers gate(1);
    mp::process p{wait_for, gate};
    p.start();
    pollfd watched{p.native_handle(), POLLIN, 0};
    BOOST_TEST(::poll(&watched, 1, 0) == 0);
    gate.put(0);
    BOOST_TEST(::poll(&watched, 1, -1) == 1);
    p.join();
}

BOOST_AUTO_TEST_CASE(has_a_name_of_its_own) {
    const mp::process first{do_nothing};
    const mp::process second{do_nothing};
    BOOST_TEST(first.name().starts_with("process-"));
    BOOST_TEST(first.name() != second.name());
}

BOOST_AUTO_TEST_CASE(takes_a_name_and_a_start_method) {
    texts out(1);
    mp::process p{{.name = "reader", .start_method = mp::start_method::spawn},
                  [](texts to) { to.put(mp::current_process().name()); },
                  out};
    BOOST_TEST(p.name() == "reader");
    p.start();
    p.join();
    BOOST_TEST(out.get() == "reader");
}

BOOST_AUTO_TEST_CASE(shows_its_name_to_the_system) {
    texts out(1);
    mp::process p{{.name = "reader"},
                  [](texts to) {
                      std::string comm;
                      std::getline(std::ifstream("/proc/self/comm"), comm);
                      to.put(comm);
                  },
                  out};
    p.start();
    p.join();
    BOOST_TEST(out.get() == "reader");
}

BOOST_AUTO_TEST_CASE(knows_its_parent) {
    texts out(2);
    mp::process p{[](texts to) {
                      const auto parent = mp::parent_process().value();
                      to.put(parent.name());
                      to.put(std::to_string(parent.pid()));
                  },
                  out};
    p.start();
    p.join();
    BOOST_TEST(out.get() == "main");
    BOOST_TEST(out.get() == std::to_string(::getpid()));
}

BOOST_AUTO_TEST_CASE(is_an_active_child_while_it_runs) {
    numbers gate(1);
    mp::process p{{.name = "listed"}, wait_for, gate};
    BOOST_TEST(mp::active_children().empty());
    p.start();
    const auto children = mp::active_children();
    BOOST_TEST_REQUIRE(children.size() == 1U);
    BOOST_TEST(children[0].pid() == p.pid());
    BOOST_TEST(children[0].name() == "listed");
    gate.put(0);
    p.join();
    BOOST_TEST(mp::active_children().empty());
}

// Processes in processes

BOOST_AUTO_TEST_CASE(a_process_may_start_processes) {
    texts out(3);
    mp::process p{{.name = "child"},
                  [](texts to) {
                      to.put(std::to_string(mp::active_children().size()));
                      mp::process inner{{.name = "grandchild"},
                                        [](texts deeper) {
                                            deeper.put(mp::parent_process().value().name() + " of " +
                                                       mp::current_process().name());
                                        },
                                        to};
                      inner.start();
                      inner.join();
                      to.put(std::to_string(inner.exit_code().value()));
                  },
                  out};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
    BOOST_TEST(out.get() == "0"); // the parent's children are not the child's
    BOOST_TEST(out.get() == "child of grandchild");
    BOOST_TEST(out.get() == "0");
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_destroyed_after_start_still_arrives) {
    // The handle that the process object holds keeps the queue until the child has it open.
    numbers answers(1);
    mp::process p{[](numbers in, numbers out) { out.put(in.get()); },
                  [] {
                      numbers made_here(1);
                      made_here.put(5);
                      return made_here;
                  }(),
                  answers};
    p.start();
    p.join();
    BOOST_TEST(answers.get() == 5);
}

BOOST_AUTO_TEST_SUITE_END()
