// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What makes a pool fast may not show otherwise: windows and spinning, memory that is used again, results
// that are received into it, and memory that is given back.
#include <multiprocessing.hpp>

#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <numeric>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

int twice(int x) {
    return 2 * x;
}
std::vector<char> filled(std::size_t size, char with) {
    return std::vector<char>(size, with);
}
std::vector<int> counted(int count) {
    std::vector<int> result(static_cast<std::size_t>(count));
    std::iota(result.begin(), result.end(), 0);
    return result;
}
std::size_t count_of(const std::vector<char>& data, char what) {
    return static_cast<std::size_t>(std::ranges::count(data, what));
}

[[maybe_unused]] std::size_t resident_memory_of(long pid) {
    std::size_t pages = 0;
    std::ifstream statm("/proc/" + std::to_string(pid) + "/statm");
    statm >> pages >> pages;
    return pages * static_cast<std::size_t>(::getpagesize());
}

/// How much memory this process's memfds of that name take.
std::size_t memory_behind(const std::string& name) {
    std::size_t result = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code vanished;
        struct stat status {};
        if (std::filesystem::read_symlink(entry.path(), vanished).string().find(name) != std::string::npos &&
            ::stat(entry.path().c_str(), &status) == 0) {
            result += static_cast<std::size_t>(status.st_blocks) * 512;
        }
    }
    return result;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_speed, leaves_nothing)

BOOST_AUTO_TEST_CASE(many_tasks_from_many_threads_get_their_own_results) {
    for (const auto spin : {0us, 50us}) {
        for (const auto prefetch : {std::optional<std::size_t>(), std::optional<std::size_t>(0),
                                    std::optional<std::size_t>(1), std::optional<std::size_t>(100'000)}) {
            mp::pool p({.processes = 3, .task_queue_capacity = 50, .prefetch = prefetch, .spin = spin});
            std::atomic<int> wrong = 0;
            std::vector<std::thread> threads;
            for (int thread = 0; thread != 4; ++thread) {
                threads.emplace_back([&, thread] {
                    std::vector<mp::future<int>> futures;
                    for (int i = 0; i != 1000; ++i) {
                        futures.push_back(p.apply_async(twice, thread * 1000 + i));
                    }
                    for (int i = 0; i != 1000; ++i) {
                        wrong +=
                            futures[static_cast<std::size_t>(i)].get() != 2 * (thread * 1000 + i) ? 1 : 0;
                    }
                });
            }
            for (auto& thread : threads) {
                thread.join();
            }
            BOOST_TEST(wrong == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_spin_cannot_be_negative) {
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .spin = -1ns}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(callbacks_submit_further_tasks_to_a_full_pool) {
    mp::pool p({.processes = 2, .task_queue_capacity = 1});
    std::atomic<int> left = 20'000;
    std::promise<void> done;
    std::function<void(mp::future<int>)> go_on = [&](mp::future<int> finished) {
        const auto number = finished.get();
        if (const auto now = --left; now > 0) {
            p.apply_async(twice, number % 1000).then(go_on);
        } else if (now == 0) {
            done.set_value();
        }
    };
    for (int i = 0; i != 10; ++i) { // while others submit as well
        p.apply_async(twice, i).then(go_on);
    }
    for (int i = 0; i != 1000; ++i) {
        BOOST_TEST(p.apply_async(twice, i).get() == 2 * i);
    }
    BOOST_TEST_REQUIRE((done.get_future().wait_for(fault::hang_limit) == std::future_status::ready));
    p.close();
    p.join();
}

BOOST_AUTO_TEST_CASE(a_result_is_received_into_memory_that_is_there) {
    mp::pool p(1);
    std::vector<int> numbers(1000, -1);
    const auto* const memory = numbers.data();
    BOOST_TEST(&p.apply_async(counted, 1000).get_into(numbers) == &numbers);
    BOOST_TEST(numbers == counted(1000), boost::test_tools::per_element());
    BOOST_TEST(numbers.data() == memory);
    p.apply_async(counted, 500).get_into(numbers);
    BOOST_TEST(numbers == counted(500), boost::test_tools::per_element());
    BOOST_TEST(numbers.data() == memory);
    p.apply_async(counted, 5000).get_into(numbers);
    BOOST_TEST(numbers == counted(5000), boost::test_tools::per_element());
    p.apply_async(counted, 0).get_into(numbers);
    BOOST_TEST(numbers.empty());
}

BOOST_AUTO_TEST_CASE(so_are_other_results_and_those_of_a_map) {
    mp::pool p(2);
    std::string text = "before";
    p.apply_async([](int n) { return std::string(static_cast<std::size_t>(n), 'x'); }, 10).get_into(text);
    BOOST_TEST(text == "xxxxxxxxxx");
    int number = 0;
    p.apply_async(twice, 4).get_into(number);
    BOOST_TEST(number == 8);
    std::vector<int> doubled{1, 2, 3};
    p.map_async(twice, counted(100), 7).get_into(doubled);
    BOOST_TEST(doubled == p.map(twice, counted(100)), boost::test_tools::per_element());
    std::vector<std::string> texts{"old"};
    p.map_async([](int n) { return std::to_string(n); }, counted(100), 7).get_into(texts);
    BOOST_TEST(texts.size() == 100U);
    BOOST_TEST(texts.back() == "99");
}

BOOST_AUTO_TEST_CASE(an_error_leaves_what_was_there) {
    mp::pool p(1);
    std::vector<int> numbers{1, 2};
    auto failing = p.apply_async([]() -> std::vector<int> { throw std::runtime_error("no"); });
    BOOST_CHECK_THROW(failing.get_into(numbers), std::runtime_error);
    BOOST_TEST(numbers == (std::vector{1, 2}), boost::test_tools::per_element());
    BOOST_TEST(!failing.valid());
}

BOOST_AUTO_TEST_CASE(large_results_stay_when_others_come_and_their_worker_dies) {
    mp::pool p(1);
    std::vector<mp::future<std::vector<char>>> futures;
    for (int i = 0; i != 100; ++i) { // more than a worker's heap has flags for
        futures.push_back(p.apply_async(filled, 100'000, static_cast<char>('a' + i % 26)));
    }
    mp::wait_all(futures);
    ::kill(static_cast<pid_t>(p.pids().front()), SIGKILL);
    BOOST_TEST(p.apply(twice, 1) == 2);
    for (std::size_t i = 0; i != futures.size(); ++i) {
        BOOST_TEST(count_of(futures[i].get(), static_cast<char>('a' + i % 26)) == 100'000U);
    }
}

BOOST_AUTO_TEST_CASE(large_arguments_stay_until_their_task_is_done) {
    mp::pool p(2);
    std::vector<mp::future<std::size_t>> futures;
    for (int round = 0; round != 200; ++round) {
        const auto letter = static_cast<char>('a' + round % 26);
        futures.push_back(p.apply_async(count_of, filled(1000 * (1 + round % 97), letter), letter));
    }
    for (int round = 0; round != 200; ++round) {
        BOOST_TEST(futures[static_cast<std::size_t>(round)].get() == 1000U * (1 + round % 97));
    }
}

BOOST_AUTO_TEST_CASE(who_has_nothing_to_do_gives_memory_back) {
    mp::pool p(1);
    [[maybe_unused]] const auto worker = p.pids().front();
    BOOST_TEST(p.apply(filled, 60 * mebibyte, 'x').size() == 60 * mebibyte);
    BOOST_TEST(p.apply(count_of, filled(60 * mebibyte, 'y'), 'y') == 60 * mebibyte);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // which keep what is freed
    BOOST_TEST(fault::eventually([&] { return resident_memory_of(worker) < 30 * mebibyte; }));
#endif
    BOOST_TEST(fault::eventually([] {
        return memory_behind("multiprocessing-tasks") + memory_behind("multiprocessing-results") < mebibyte;
    }));
    BOOST_TEST(p.apply(count_of, filled(60 * mebibyte, 'z'), 'z') == 60 * mebibyte); // and takes it again
}

BOOST_AUTO_TEST_SUITE_END()
