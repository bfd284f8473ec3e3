// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include <multiprocessing/context.hpp>
#include <multiprocessing/error.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

// The workers of a pool: who they are, how they begin, how they are replaced, what is counted.

namespace mp = multiprocessing;

namespace {

long my_pid() {
    return ::getpid();
}
int twice(int n) {
    return 2 * n;
}

// In a worker only.
int initialized_with = 0;
int initialized_times = 0;

void initialize(int value) {
    initialized_with = value;
    ++initialized_times;
}
std::vector<int> initialized() {
    return {initialized_with, initialized_times};
}
void fail(const std::string& why) {
    throw std::runtime_error(why);
}
int calls = 0;
int count_calls() {
    return ++calls;
}

template <class Use>
std::string worker_died_by(Use use) {
    try {
        use();
    } catch (const mp::worker_died& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_workers, leaves_nothing)

// pids

BOOST_AUTO_TEST_CASE(workers_are_processes_of_their_own) {
    const mp::pool p(3);
    const auto pids = p.pids();
    BOOST_TEST(pids.size() == 3U);
    BOOST_TEST(std::set(pids.begin(), pids.end()).size() == 3U);
    BOOST_TEST(std::ranges::count(pids, my_pid()) == 0);
}

BOOST_AUTO_TEST_CASE(tasks_run_in_the_workers) {
    mp::pool p(2);
    const auto pids = p.pids();
    for (const long pid : p.map([](int) { return my_pid(); }, std::vector<int>(20), 1)) {
        BOOST_TEST(std::ranges::count(pids, pid) == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_worker_keeps_its_state_from_task_to_task) {
    mp::pool p(1);
    BOOST_TEST(p.apply(count_calls) == 1);
    BOOST_TEST(p.apply(count_calls) == 2);
    BOOST_TEST(calls == 0); // and does not share it
}

BOOST_AUTO_TEST_CASE(workers_are_active_children) {
    const mp::pool p(2);
    auto pids = p.pids();
    std::vector<long> children;
    for (const auto& child : mp::active_children()) {
        children.push_back(child.pid());
        BOOST_TEST(child.name().starts_with("worker-"));
    }
    std::ranges::sort(pids);
    std::ranges::sort(children);
    BOOST_TEST(pids == children, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(workers_know_their_name_and_their_parent) {
    mp::pool p(1);
    BOOST_TEST(p.apply([] { return mp::current_process().name(); }) == "worker-1");
    BOOST_TEST(p.apply([] { return mp::parent_process().value().pid(); }) == my_pid());
}

BOOST_AUTO_TEST_CASE(a_worker_that_exits_fails_its_task_and_is_replaced) {
    mp::pool p(1);
    const auto before = p.pids();
    auto doomed = p.apply_async([] { std::exit(3); });
    auto next = p.apply_async(my_pid);
    try {
        doomed.get();
        BOOST_ERROR("it did not fail");
    } catch (const mp::worker_died& e) {
        BOOST_TEST(e.exit_code() == 3);
        BOOST_TEST(!e.signal());
        BOOST_TEST(e.pid() == before.at(0));
    }
    BOOST_TEST(next.get() != before.at(0));
    BOOST_TEST(p.size() == 1U);
}

BOOST_AUTO_TEST_CASE(the_error_names_the_worker_its_end_and_the_function) {
    mp::pool p(1);
    const auto pid = std::to_string(p.pids().at(0));
    const auto what = worker_died_by([&] { p.apply(&std::abort); });
    BOOST_TEST(what.starts_with("worker " + pid + " was killed by SIGABRT while running abort\n"), what);
}

// initializer

BOOST_AUTO_TEST_CASE(the_initializer_runs_once_in_each_worker_before_its_first_task) {
    mp::pool p(2);
    p.initializer(initialize, 5);
    for (const auto& found : p.map([](int) { return initialized(); }, std::vector<int>(20), 1)) {
        BOOST_TEST(found == (std::vector{5, 1}), boost::test_tools::per_element());
    }
    BOOST_TEST(initialized_with == 0); // here it has not run
}

BOOST_AUTO_TEST_CASE(the_initializer_runs_in_workers_that_are_started_later) {
    mp::pool p({.processes = 1, .max_tasks_per_child = 1});
    p.initializer(initialize, 5);
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(p.apply(initialized) == (std::vector{5, 1}), boost::test_tools::per_element());
    }
}

BOOST_AUTO_TEST_CASE(the_initializer_takes_closures_and_literals) {
    mp::pool p(1);
    int n = 7;
    p.initializer([n](const std::string& text) { initialize(n + static_cast<int>(text.size())); }, "abc");
    BOOST_TEST(p.apply(initialized)[0] == 10);
}

BOOST_AUTO_TEST_CASE(an_initializer_after_the_first_task_is_a_logic_error) {
    mp::pool p(1);
    p.apply(twice, 1);
    BOOST_CHECK_THROW(p.initializer(initialize, 5), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_second_initializer_is_a_logic_error) {
    mp::pool p(1);
    p.initializer(initialize, 5);
    BOOST_CHECK_THROW(p.initializer(initialize, 6), std::logic_error);
}

BOOST_AUTO_TEST_CASE(tasks_wait_for_an_initializer_that_takes_its_time) {
    mp::pool p(1);
    gate g;
    p.initializer([](gate at) { at.pass(); }, g);
    auto task = p.apply_async(twice, 1);
    g.wait_for_task();
    BOOST_TEST(!task.ready());
    g.open();
    BOOST_TEST(task.get() == 2);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_throws_fails_the_tasks_and_says_why) {
    mp::pool p(1);
    p.initializer(fail, "no licence");
    const auto what = worker_died_by([&] { p.apply(twice, 1); });
    BOOST_TEST(what.find("no licence") != std::string::npos, what);
    BOOST_TEST(p.stats().restarts < 10U); // a bounded number of attempts
    BOOST_CHECK_THROW(p.apply(twice, 2), mp::worker_died);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_dies_fails_the_tasks) {
    mp::pool p(1);
    p.initializer([] { std::abort(); });
    const auto what = worker_died_by([&] { p.apply(twice, 1); });
    BOOST_TEST(what.find("SIGABRT") != std::string::npos, what);
}

BOOST_AUTO_TEST_CASE(a_pool_whose_initializer_fails_can_be_closed_and_joined) {
    mp::pool p(2);
    p.initializer(fail, "no licence");
    auto tasks = p.map_async(twice, std::vector<int>(10), 1);
    p.close();
    p.join();
    BOOST_CHECK_THROW((void)tasks.get(), mp::worker_died);
}

BOOST_AUTO_TEST_CASE(a_pool_may_be_terminated_while_its_initializer_runs) {
    mp::pool p(1);
    gate g;
    p.initializer([](gate at) { at.pass(); }, g);
    auto task = p.apply_async(twice, 1);
    g.wait_for_task();
    p.terminate();
    BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    p.join();
}

BOOST_AUTO_TEST_CASE(a_large_initializer_argument_arrives) {
    mp::pool p(2);
    const std::string large(1 << 20, 'x');
    p.initializer([](const std::string& text) { initialize(static_cast<int>(text.size())); }, large);
    BOOST_TEST(p.apply(initialized)[0] == 1 << 20);
}

// max_tasks_per_child

BOOST_AUTO_TEST_CASE(workers_are_replaced_after_so_many_tasks) {
    mp::pool p({.processes = 1, .max_tasks_per_child = 2});
    std::vector<long> pids;
    for (int i = 0; i != 6; ++i) {
        pids.push_back(p.apply(my_pid));
    }
    BOOST_TEST(pids[0] == pids[1]);
    BOOST_TEST(pids[1] != pids[2]);
    BOOST_TEST(pids[2] == pids[3]);
    BOOST_TEST(pids[3] != pids[4]);
    BOOST_TEST(pids[4] == pids[5]);
}

BOOST_AUTO_TEST_CASE(no_task_is_lost_when_workers_are_replaced) {
    mp::pool p({.processes = 2, .max_tasks_per_child = 3});
    std::vector<int> numbers(50);
    for (int n = 0; n != 50; ++n) {
        numbers[static_cast<std::size_t>(n)] = n;
    }
    const auto results = p.map(twice, numbers, 1);
    for (int n = 0; n != 50; ++n) {
        BOOST_TEST(results[static_cast<std::size_t>(n)] == 2 * n);
    }
    BOOST_TEST(p.stats().failed == 0U);
}

BOOST_AUTO_TEST_CASE(workers_are_not_replaced_without_a_limit) {
    mp::pool p(1);
    const auto pid = p.apply(my_pid);
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(p.apply(my_pid) == pid);
    }
    BOOST_TEST(p.stats().restarts == 0U);
}

// stats

BOOST_AUTO_TEST_CASE(counts_what_is_queued_running_and_done) {
    mp::pool p(1);
    gate g;
    BOOST_TEST(p.stats().queued + p.stats().running + p.stats().done + p.stats().failed == 0U);
    auto running = p.apply_async(pass_gate, g, 1);
    auto queued = p.apply_async(twice, 1);
    g.wait_for_task();
    BOOST_TEST(p.stats().running == 1U);
    BOOST_TEST(p.stats().queued == 1U);
    g.open();
    mp::wait_all(running, queued);
    BOOST_TEST(p.stats().running == 0U);
    BOOST_TEST(p.stats().queued == 0U);
    BOOST_TEST(p.stats().done == 2U);
}

BOOST_AUTO_TEST_CASE(a_task_that_throws_is_done) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply(fail, "why"), std::runtime_error);
    BOOST_TEST(p.stats().done == 1U);
    BOOST_TEST(p.stats().failed == 0U);
}

BOOST_AUTO_TEST_CASE(counts_failures_and_restarts) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply([] { std::exit(1); }), mp::worker_died);
    BOOST_TEST(p.apply(twice, 1) == 2);
    BOOST_TEST(p.stats().failed == 1U);
    BOOST_TEST(p.stats().restarts == 1U);
    BOOST_TEST(p.stats().done == 1U);
}

BOOST_AUTO_TEST_CASE(tells_how_long_tasks_take) {
    using namespace std::chrono_literals;
    mp::pool p(1);
    BOOST_TEST(p.stats().latency.p50.count() == 0);
    gate g;
    const auto before = std::chrono::steady_clock::now();
    auto running = p.apply_async(pass_gate, g, 1); // all others wait for this one
    for (int i = 0; i != 8; ++i) {
        p.try_apply_async(twice, i);
    }
    g.wait_for_task();
    const auto all_are_queued = std::chrono::steady_clock::now();
    std::this_thread::sleep_for(20ms); // not to wait for anything: to take so long
    const auto least = std::chrono::steady_clock::now() - all_are_queued;
    g.open();
    running.wait();
    p.close();
    p.join();
    const auto most = std::chrono::steady_clock::now() - before;
    const auto latency = p.stats().latency;
    BOOST_TEST((latency.p50 >= least * 29 / 30 && latency.p999 <= most * 31 / 30));
    BOOST_TEST((latency.p50 <= latency.p90 && latency.p90 <= latency.p99 && latency.p99 <= latency.p999));
}

BOOST_AUTO_TEST_CASE(what_failed_has_no_latency) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply([] { std::exit(1); }), mp::worker_died);
    BOOST_TEST(p.stats().latency.p999.count() == 0);
}

BOOST_AUTO_TEST_CASE(counts_what_was_terminated_as_failed) {
    mp::pool p(1);
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    auto queued = p.apply_async(twice, 1);
    g.wait_for_task();
    p.terminate();
    p.join();
    BOOST_TEST(p.stats().failed == 2U);
    BOOST_TEST(p.stats().queued == 0U);
    BOOST_TEST(p.stats().running == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
