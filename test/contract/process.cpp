// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/process.hpp>

#include <multiprocessing/context.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/queue.hpp>

#include "support/captured_stderr.hpp"
#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <poll.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

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
void fail(const std::string& why) {
    throw std::out_of_range(why);
}
void fail_nested() {
    try {
        throw std::out_of_range("inner");
    } catch (...) {
        std::throw_with_nested(std::runtime_error("outer"));
    }
}
void throw_42() {
    throw 42;
}
void print_and_fail() {
    std::cerr << "printed before, ";
    throw std::runtime_error("thrown after");
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

/// Waits for something that is never put.
void wait_for_ever(numbers started) {
    started.put(::getpid());
    numbers(1).get();
}
void ignore_sigterm_for_ever(numbers started) {
    std::signal(SIGTERM, SIG_IGN);
    wait_for_ever(started);
}
void wait_for(numbers gate) {
    gate.get();
}

/// Says that it is there, and answers questions until there are no more.
void answer_all(numbers questions, numbers answers) {
    answers.put(0);
    for (const long question : questions) {
        answers.put(question + 1);
    }
}

/// What takes as long as that will never happen.
constexpr auto hang = 20s;

bool is_gone(long pid) {
    return ::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH;
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

// terminate, kill, detach

BOOST_AUTO_TEST_CASE(terminate_ends_it_by_sigterm) {
    numbers started(1);
    mp::process p{wait_for_ever, started};
    p.start();
    started.get();
    p.terminate();
    p.join();
    BOOST_TEST(p.exit_code().value() == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(kill_ends_it_by_sigkill) {
    numbers started(1);
    mp::process p{ignore_sigterm_for_ever, started};
    p.start();
    started.get();
    p.terminate();
    p.kill();
    p.join();
    BOOST_TEST(p.exit_code().value() == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_child_may_handle_sigterm) {
    numbers started(1);
    mp::process p{[](numbers s) {
                      std::signal(SIGTERM, [](int) { std::_Exit(5); });
                      wait_for_ever(s);
                  },
                  started};
    p.start();
    started.get();
    p.terminate();
    p.join();
    BOOST_TEST(p.exit_code().value() == 5);
}

BOOST_AUTO_TEST_CASE(terminate_and_kill_are_harmless_after_the_end) {
    mp::process p{exit_with, 3};
    p.start();
    p.join();
    p.terminate();
    p.kill();
    BOOST_TEST(p.exit_code().value() == 3);
}

BOOST_AUTO_TEST_CASE(kill_ends_a_join_in_another_thread) {
    numbers started(1);
    mp::process p{wait_for_ever, started};
    p.start();
    started.get();
    std::thread waiter([&] { p.join(); });
    p.kill();
    waiter.join();
    BOOST_TEST(p.exit_code().value() == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_detached_child_outlives_its_parent) {
    numbers questions(1);
    numbers answers(1);
    numbers gate(1);
    mp::process child{[](numbers from, numbers to, numbers until) {
                          mp::process grandchild{answer_all, from, to};
                          grandchild.start();
                          until.get(); // the grandchild has answered
                          grandchild.detach();
                      },
                      questions, answers, gate};
    child.start();
    answers.get();
    gate.put(0);
    child.join();
    BOOST_TEST(child.exit_code().value() == 0);
    for (long n = 0; n != 100; ++n) {
        questions.put(n);
        BOOST_TEST_REQUIRE(answers.get_for(hang).value_or(-1) == n + 1);
    }
    questions.close();
}

BOOST_AUTO_TEST_CASE(a_child_detached_at_once_outlives_its_parent) {
    numbers questions(1);
    numbers answers(1);
    // The parent is gone before the child has come to `init`.
    mp::process child{[](numbers from, numbers to) {
                          mp::process grandchild{answer_all, from, to};
                          grandchild.start();
                          grandchild.detach();
                          ::_exit(0);
                      },
                      questions, answers};
    child.start();
    child.join();
    BOOST_TEST(answers.get_for(hang).has_value());
    questions.close();
}

BOOST_AUTO_TEST_CASE(after_detach_the_object_is_as_one_not_started) {
    numbers gate(1);
    numbers pids(1);
    mp::process p{[](numbers to, numbers from) {
                      to.put(::getpid());
                      from.get();
                  },
                  pids, gate};
    p.start();
    const auto pid = pids.get();
    p.detach();
    BOOST_TEST(!p.is_alive());
    BOOST_TEST(p.pid() == 0);
    BOOST_TEST(mp::active_children().empty());
    gate.put(0);
    ::waitpid(static_cast<pid_t>(pid), nullptr, 0); // it is this process's child all the same
}

// Moving, destroying

BOOST_AUTO_TEST_CASE(is_moved_not_copied) {
    static_assert(std::movable<mp::process>);
    static_assert(!std::copyable<mp::process>);
    numbers gate(1);
    mp::process first{wait_for, gate};
    first.start();
    const auto pid = first.pid();
    mp::process second(std::move(first));
    BOOST_TEST(second.pid() == pid);
    BOOST_TEST(second.is_alive());
    BOOST_TEST(!first.is_alive());
    gate.put(0);
    second.join();
    BOOST_TEST(second.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(can_be_started_after_it_was_moved) {
    texts out(1);
    mp::process first{put_text, out, "moved"};
    mp::process second(std::move(first));
    second.start();
    second.join();
    BOOST_TEST(out.get() == "moved");
}

BOOST_AUTO_TEST_CASE(assignment_ends_the_child_that_was_there) {
    numbers started(1);
    mp::process p{wait_for_ever, started};
    p.start();
    const auto pid = started.get();
    p = mp::process{do_nothing};
    BOOST_TEST(is_gone(pid));
    BOOST_TEST(!p.is_alive());
}

BOOST_AUTO_TEST_CASE(processes_fit_in_containers) {
    std::vector<mp::process> all;
    for (int i = 0; i != 4; ++i) {
        all.emplace_back(exit_with, i);
        all.back().start();
    }
    for (auto& p : all) {
        p.join();
    }
    BOOST_TEST(all[3].exit_code().value() == 3);
}

BOOST_AUTO_TEST_CASE(the_destructor_of_one_not_started_does_nothing) {
    const mp::process p{do_nothing};
    BOOST_TEST(!p.is_alive());
}

BOOST_AUTO_TEST_CASE(the_destructor_ends_the_child) {
    numbers started(1);
    long pid = 0;
    {
        mp::process p{wait_for_ever, started};
        p.start();
        pid = started.get();
    }
    BOOST_TEST(is_gone(pid));
}

BOOST_AUTO_TEST_CASE(the_destructor_ends_a_child_that_ignores_sigterm) {
    numbers started(1);
    long pid = 0;
    {
        mp::process p{ignore_sigterm_for_ever, started};
        p.start();
        pid = started.get();
    }
    BOOST_TEST(is_gone(pid));
}

BOOST_AUTO_TEST_CASE(the_destructor_ends_a_child_that_is_stopped) {
    numbers started(1);
    long pid = 0;
    {
        mp::process p{wait_for_ever, started};
        p.start();
        pid = started.get();
        ::kill(static_cast<pid_t>(pid), SIGSTOP);
    }
    BOOST_TEST(is_gone(pid));
}

// Exceptions

BOOST_AUTO_TEST_CASE(an_exception_is_printed_with_its_type_and_gives_exit_code_1) {
    captured_stderr printed;
    mp::process p{{.name = "failing"}, fail, "far out"};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 1);
    const auto text = printed.text();
    BOOST_TEST(text.find("failing") != std::string::npos, text);
    BOOST_TEST(text.find("std::out_of_range") != std::string::npos, text);
    BOOST_TEST(text.find("far out") != std::string::npos, text);
    BOOST_TEST(text.ends_with('\n'));
}

BOOST_AUTO_TEST_CASE(nested_exceptions_are_printed_with_what_caused_them) {
    captured_stderr printed;
    mp::process p{fail_nested};
    p.start();
    p.join();
    const auto text = printed.text();
    BOOST_TEST(text.find("outer") < text.find("std::out_of_range: inner"), text);
    BOOST_TEST(text.find("std::runtime_error: outer") != std::string::npos, text); // not _Nested_exception<>
}

BOOST_AUTO_TEST_CASE(what_is_not_an_exception_is_printed_too) {
    captured_stderr printed;
    mp::process p{throw_42};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 1);
    BOOST_TEST(printed.text().find("int") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_was_printed_before_the_exception_comes_first) {
    captured_stderr printed;
    mp::process p{print_and_fail};
    p.start();
    p.join();
    const auto text = printed.text();
    BOOST_TEST(text.find("printed before") < text.find("thrown after"), text);
}

BOOST_AUTO_TEST_CASE(a_child_that_ends_well_prints_nothing) {
    captured_stderr printed;
    mp::process p{do_nothing};
    p.start();
    p.join();
    BOOST_TEST(printed.text() == "");
}

// What a child inherits

BOOST_AUTO_TEST_CASE(inherits_the_standard_streams) {
    captured_stderr printed;
    mp::process p{[] { std::cerr << "through fd 2"; }};
    p.start();
    p.join();
    BOOST_TEST(printed.text() == "through fd 2");
}

BOOST_AUTO_TEST_CASE(inherits_no_other_descriptor) {
    const int not_close_on_exec = ::open("/dev/zero", O_RDONLY);
    texts out(100);
    mp::process p{[](texts to) {
                      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                          if (std::stoi(entry.path().filename()) > STDERR_FILENO) {
                              to.put(std::filesystem::read_symlink(entry.path()));
                          }
                      }
                      to.close();
                  },
                  out};
    p.start();
    p.join();
    ::close(not_close_on_exec);
    for (const auto& target : out) {
        // The directory that was being read, and what the queue that it was put into holds open.
        BOOST_TEST((target.starts_with("/proc/") || target.ends_with("-control")), target);
    }
}

BOOST_AUTO_TEST_CASE(hands_none_of_the_librarys_descriptors_on_to_other_programs) {
    texts out(100);
    mp::process p{[](texts to) {
                      for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
                          const int fd = std::stoi(entry.path().filename());
                          if (fd > STDERR_FILENO && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0) {
                              to.put(std::filesystem::read_symlink(entry.path()));
                          }
                      }
                      if (std::getenv("MULTIPROCESSING_HANDOVER") != nullptr) {
                          to.put("the environment variable");
                      }
                      to.close();
                  },
                  out};
    p.start();
    p.join();
    for (const auto& left : out) {
        BOOST_ERROR(left);
    }
}

BOOST_AUTO_TEST_CASE(has_default_signal_handlers_and_an_empty_signal_mask) {
    texts out(2);
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto handler = std::signal(SIGUSR2, SIG_IGN);
    mp::process p{[](texts to) {
                      std::ifstream status("/proc/self/status");
                      for (std::string line; std::getline(status, line);) {
                          if (line.starts_with("SigBlk") || line.starts_with("SigIgn")) {
                              to.put(line.substr(line.find_last_of(" \t") + 1));
                          }
                      }
                  },
                  out};
    p.start();
    p.join();
    std::signal(SIGUSR2, handler);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    BOOST_TEST(out.get() == "0000000000000000");
    BOOST_TEST(out.get() == "0000000000000000");
}

BOOST_AUTO_TEST_CASE(ignores_the_terminal_when_its_parent_does) {
    const auto handler = std::signal(SIGHUP, SIG_IGN); // as under nohup
    mp::process p{[] { std::exit(std::signal(SIGHUP, SIG_DFL) == SIG_IGN ? 3 : 4); }};
    p.start();
    p.join();
    std::signal(SIGHUP, handler);
    BOOST_TEST(p.exit_code().value() == 3);
}

BOOST_AUTO_TEST_CASE(has_the_environment_and_the_directory_of_its_parent) {
    texts out(2);
    ::setenv("MULTIPROCESSING_TEST_VARIABLE", "value", 1);
    mp::process p{[](texts to) {
                      to.put(std::getenv("MULTIPROCESSING_TEST_VARIABLE"));
                      to.put(std::filesystem::current_path());
                  },
                  out};
    p.start();
    p.join();
    ::unsetenv("MULTIPROCESSING_TEST_VARIABLE");
    BOOST_TEST(out.get() == "value");
    BOOST_TEST(out.get() == std::filesystem::current_path().string());
}

BOOST_AUTO_TEST_CASE(exit_handlers_of_the_parent_do_not_run_in_it) {
    captured_stderr printed;
    std::atexit([] {
        if (mp::parent_process()) {
            std::cerr << "the parent's";
        }
    });
    mp::process p{do_nothing};
    p.start();
    p.join();
    BOOST_TEST(printed.text() == "");
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
