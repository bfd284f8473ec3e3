// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/process.hpp>

#include <multiprocessing/context.hpp>
#include <multiprocessing/queue.hpp>

#include "support/captured_stderr.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <concepts>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// What ends a process: terminate, kill, the end of its object, an exception. And what does not: detach,
// moving.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using numbers = mp::queue<long>;
using texts = mp::queue<std::string>;

void do_nothing() {}
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
void put_text(texts to, std::string text) {
    to.put(text);
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

BOOST_FIXTURE_TEST_SUITE(process_end, leaves_nothing)

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

BOOST_AUTO_TEST_SUITE_END()
