// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A worker is stopped, inside an operation of the library perhaps, and later goes on.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <vector>

using namespace fault;

namespace {

constexpr int tasks = 1'000;

int negated(int n) {
    return -n;
}

/// Stops the process for its own lifetime.
class stopped {
public:
    explicit stopped(long pid) : pid_(static_cast<pid_t>(pid)) { ::kill(pid_, SIGSTOP); }
    ~stopped() { ::kill(pid_, SIGCONT); }
    stopped(const stopped&) = delete;
    stopped& operator=(const stopped&) = delete;

private:
    pid_t pid_;
};

void stop_a_worker_amid_tasks(mp::pool& pool, int before) {
    std::vector<mp::future<int>> results;
    const auto submit_up_to = [&](int end) {
        for (auto n = static_cast<int>(results.size()); n != end; ++n) {
            results.push_back(pool.apply_async(negated, n));
        }
    };
    const auto missing = [&] { return std::ranges::count_if(results, [](auto& f) { return !f.ready(); }); };
    submit_up_to(before);
    {
        const stopped worker(pool.pids().front());
        submit_up_to(tasks);
        BOOST_TEST(eventually([&] { return missing() <= 1; })); // its own, which it may have begun
    }
    for (int n = 0; n != tasks; ++n) {
        BOOST_TEST_REQUIRE(results[static_cast<std::size_t>(n)].wait_for(hang_limit));
        BOOST_TEST_REQUIRE(results[static_cast<std::size_t>(n)].get() == -n);
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(stopped_worker, leaves_nothing)

BOOST_AUTO_TEST_CASE(one_that_is_stopped_at_any_instant_holds_up_its_own_task_and_nothing_else) {
    mp::pool pool(2);
    for (int round = 0; round != 100; ++round) {
        stop_a_worker_amid_tasks(pool, (round * 37) % tasks);
    }
    BOOST_TEST(pool.stats().restarts == 0U);
    BOOST_TEST(pool.stats().failed == 0U);
}

BOOST_AUTO_TEST_CASE(a_pool_ends_while_a_worker_is_stopped) {
    for (int round = 0; round != 4; ++round) {
        mp::pool pool(2);
        std::vector<mp::future<int>> results;
        for (int n = 0; n != 50 * round; ++n) {
            results.push_back(pool.apply_async(negated, n));
        }
        ::kill(static_cast<pid_t>(pool.pids().front()), SIGSTOP);
        pool.terminate();
        BOOST_TEST(pool.join_for(hang_limit));
    }
}

BOOST_AUTO_TEST_SUITE_END()
