// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "support/captured_stderr.hpp"
#include "support/start_methods.hpp"

#include <multiprocessing.hpp>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// What tasks print, in their futures.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

const mp::task_options captured{.capture = true};

int print(int n) {
    std::cout << "cout " << n << '\n' << std::flush;
    std::fprintf(stderr, "stderr %d\n", n);
    std::printf("printf %d\n", n);
    return n;
}
std::string printed_by(int n) {
    const auto number = std::to_string(n);
    return "cout " + number + "\nstderr " + number + "\nprintf " + number + "\n";
}
void print_to_stderr(const std::string& text) {
    std::cerr << text;
}
void print_and_throw() {
    std::cout << "before the exception";
    throw std::runtime_error("no luck");
}
void print_and_die(int signal) {
    std::cout << "before " << std::flush;
    std::cerr << "the death\n";
    std::raise(signal);
}
void print_and_exit() {
    std::cout << "before the exit";
    std::exit(3);
}
[[noreturn]] void print_for_ever() {
    std::cerr << "still here";
    for (;;) {
        ::pause();
    }
}
void print_much(std::size_t size) {
    std::cout << std::string(size, 'x');
}
/// Prints its number of attempts, and dies in the first.
void die_at_first(const mp::queue<int>& attempts) {
    auto left = attempts;
    const int attempt = left.get();
    std::cerr << "attempt " << attempt;
    if (attempt == 1) {
        std::raise(SIGKILL);
    }
}
/// Prints in the first attempt only, and dies of it.
void print_and_die_at_first(const mp::queue<int>& attempts) {
    auto left = attempts;
    if (left.try_get()) {
        std::cout << "attempt 1" << std::flush;
        std::raise(SIGKILL);
    }
}
void close_streams() {
    std::cout << "closing" << std::flush;
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
}

template <class R>
std::string output_of(mp::future<R> task) {
    task.wait();
    return task.output();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(capture, leaves_nothing_but_the_server)

BOOST_DATA_TEST_CASE(of_each_task_its_own, each_start_method, method) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        mp::pool pool({.processes = 2, .isolation = isolation, .start_method = method});
        std::vector<mp::future<int>> tasks;
        for (int n = 0; n != 100; ++n) {
            tasks.push_back(pool.apply_async(captured, print, n));
        }
        for (int n = 0; n != 100; ++n) {
            auto& task = tasks[static_cast<std::size_t>(n)];
            task.wait();
            BOOST_TEST(task.output() == printed_by(n));
            BOOST_TEST(task.get() == n);
        }
    }
}

BOOST_AUTO_TEST_CASE(others_print_as_ever) {
    captured_stderr seen;
    {
        mp::pool pool(1);
        auto hidden = pool.apply_async(captured, print_to_stderr, std::string("hidden"));
        auto shown = pool.apply_async(print_to_stderr, std::string("shown"));
        auto hidden_too = pool.apply_async(captured, print_to_stderr, std::string("hidden, too"));
        BOOST_TEST(output_of(std::move(shown)) == "");
        BOOST_TEST(output_of(std::move(hidden)) == "hidden");
        BOOST_TEST(output_of(std::move(hidden_too)) == "hidden, too");
    }
    BOOST_TEST(seen.text() == "shown");
}

BOOST_AUTO_TEST_CASE(is_not_what_the_library_logs_of_the_task) {
    captured_stderr seen;
    mp::set_log_level(mp::log_level::debug);
    {
        mp::pool pool(1);
        BOOST_TEST(output_of(pool.apply_async(captured, print, 1)) == printed_by(1));
    }
    mp::set_log_level(mp::log_level::off);
    const auto log = seen.text();
    BOOST_TEST(log.find(" task 1] begins it\n") != std::string::npos, log);
}

BOOST_AUTO_TEST_CASE(before_an_exception) {
    mp::pool pool(1);
    auto task = pool.apply_async(captured, print_and_throw);
    task.wait();
    BOOST_TEST(task.output() == "before the exception");
    BOOST_CHECK_THROW(task.get(), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(is_not_there_before_the_outcome_nor_after_get) {
    mp::pool pool(1);
    auto task = pool.apply_async(captured, print_for_ever);
    BOOST_CHECK_THROW((void)task.output(), std::logic_error);
    pool.terminate();
    BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    BOOST_CHECK_THROW((void)task.output(), std::logic_error);
}

BOOST_DATA_TEST_CASE(before_the_death_of_the_worker, each_start_method, method) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        mp::pool pool({.processes = 1, .isolation = isolation, .start_method = method});
        BOOST_TEST(output_of(pool.apply_async(captured, print, 1)) == printed_by(1));
        for (const int signal : {SIGKILL, SIGABRT}) {
            auto task = pool.apply_async(captured, print_and_die, signal);
            task.wait();
            BOOST_TEST(task.output() == "before the death\n");
            BOOST_CHECK_EXCEPTION(task.get(), mp::worker_died, [&](const mp::worker_died& e) {
                BOOST_TEST(e.details().last_output == "before the death\n");
                return e.signal() == signal;
            });
        }
        BOOST_TEST(output_of(pool.apply_async(captured, print_and_exit)) == "before the exit");
        BOOST_TEST(output_of(pool.apply_async(captured, print, 2)) == printed_by(2));
    }
}

/// A worker is killed wherever it happens to be; nobody's output is another's, and none is lost of what is
/// complete.
BOOST_AUTO_TEST_CASE(of_each_its_own_whenever_the_worker_is_killed) {
    constexpr std::size_t tasks_in_a_round = 20;
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        mp::pool pool({.processes = 1, .isolation = isolation, .start_method = mp::start_method::forkserver});
        int number = 0;
        for (std::size_t round = 0; round != tasks_in_a_round; ++round) {
            std::vector<std::pair<mp::future<int>, std::string>> tasks;
            for (std::size_t i = 0; i != tasks_in_a_round; ++i) {
                tasks.emplace_back(pool.apply_async(captured, print, number), printed_by(number));
                ++number;
            }
            tasks[round].first.wait();
            for (const auto pid : pool.pids()) {
                ::kill(static_cast<pid_t>(pid), SIGKILL);
            }
            for (auto& [task, expected] : tasks) {
                task.wait();
                if (task.successful()) {
                    BOOST_TEST(task.output() == expected);
                } else {
                    BOOST_TEST(expected.starts_with(task.output()), task.output());
                    BOOST_CHECK_THROW(task.get(), mp::worker_died);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(before_it_is_stopped) {
    mp::pool pool(1);
    auto late = pool.apply_async({.timeout = 50ms, .capture = true}, print_for_ever);
    late.wait();
    BOOST_TEST(late.output() == "still here");
    BOOST_CHECK_THROW(late.get(), mp::task_timed_out);
}

BOOST_AUTO_TEST_CASE(of_the_last_attempt) {
    mp::queue<int> attempts(2);
    attempts.put(1);
    attempts.put(2);
    mp::pool pool({.processes = 1, .retry_back_off = 0ms});
    auto task = pool.apply_async({.max_retries = 1, .capture = true}, die_at_first, attempts);
    task.wait();
    BOOST_TEST(task.output() == "attempt 2");
    task.get();
}

BOOST_AUTO_TEST_CASE(of_the_last_attempt_also_if_that_prints_nothing) {
    mp::queue<int> attempts(1);
    attempts.put(1);
    mp::pool pool({.processes = 1, .retry_back_off = 0ms});
    auto task = pool.apply_async({.max_retries = 1, .capture = true}, print_and_die_at_first, attempts);
    task.wait();
    BOOST_TEST(task.output().empty());
    task.get();
}

BOOST_AUTO_TEST_CASE(keeps_the_beginning_of_much) {
    mp::pool pool(1);
    for (const std::size_t size : {std::size_t{990}, std::size_t{100'000}, 3 * mp::most_captured}) {
        const auto output = output_of(pool.apply_async(captured, print_much, size));
        BOOST_TEST(output.size() == std::min(size, mp::most_captured));
        BOOST_TEST(output.find_first_not_of('x') == std::string::npos);
    }
}

BOOST_AUTO_TEST_CASE(a_task_may_close_its_streams) {
    mp::pool pool(1);
    const auto pid = pool.pids().at(0);
    BOOST_TEST(output_of(pool.apply_async(captured, close_streams)) == "closing");
    BOOST_TEST(output_of(pool.apply_async(captured, print, 1)) == printed_by(1));
    BOOST_TEST(pool.pids().at(0) == pid);
}

BOOST_AUTO_TEST_SUITE_END()
