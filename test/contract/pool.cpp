// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include <multiprocessing/error.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <concepts>
#include <csignal>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Tasks one by one, and the life of a pool. Ranges of tasks are in pool_map and pool_imap, the workers in
// pool_workers.

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

int twice(int n) {
    return 2 * n;
}
std::string repeated(const std::string& text, std::size_t times) {
    std::string result;
    for (std::size_t i = 0; i != times; ++i) {
        result += text;
    }
    return result;
}
void put(mp::queue<int> to, int n) {
    to.put(n);
}
void fail() {
    throw std::out_of_range("far out");
}

/// Sums in a pool of its own.
long sum_of_twice(int n) {
    mp::pool inner(2);
    std::vector<int> numbers(static_cast<std::size_t>(n));
    std::iota(numbers.begin(), numbers.end(), 0);
    const auto results = inner.map(twice, numbers);
    return std::accumulate(results.begin(), results.end(), 0L);
}

std::string same(const std::string& text) {
    return text;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool, leaves_nothing)

// Making one

BOOST_AUTO_TEST_CASE(has_as_many_workers_as_asked_for) {
    BOOST_TEST(mp::pool(3).size() == 3U);
    BOOST_TEST(mp::pool({.processes = 2}).size() == 2U);
}

BOOST_AUTO_TEST_CASE(has_as_many_workers_as_there_are_cpus_by_default) {
    BOOST_TEST(mp::pool().size() == mp::cpu_count());
}

BOOST_AUTO_TEST_CASE(needs_at_least_one_worker_and_room_for_one_task) {
    BOOST_CHECK_THROW(mp::pool(0), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool(-1), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool({.processes = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .task_queue_capacity = 0}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(is_moved_not_copied) {
    static_assert(std::movable<mp::pool>);
    static_assert(!std::copyable<mp::pool>);
    mp::pool first(1);
    auto pending = first.apply_async(twice, 1);
    mp::pool second(std::move(first));
    BOOST_TEST(pending.get() == 2);
    BOOST_TEST(second.apply(twice, 2) == 4);
    second = mp::pool(1);
    BOOST_TEST(second.apply(twice, 3) == 6);
}

BOOST_AUTO_TEST_CASE(unused_it_is_terminated_by_its_destructor) {
    const mp::pool p(2);
    BOOST_TEST(p.size() == 2U);
}

// apply

BOOST_AUTO_TEST_CASE(apply_gives_what_the_function_returns) {
    mp::pool p(1);
    BOOST_TEST(p.apply(twice, 21) == 42);
    BOOST_TEST(p.apply(repeated, "ab", 3) == "ababab");
}

BOOST_AUTO_TEST_CASE(apply_runs_in_another_process) {
    mp::pool p(1);
    BOOST_TEST(p.apply([] { return ::getpid(); }) != ::getpid());
}

BOOST_AUTO_TEST_CASE(apply_runs_functions_that_return_nothing) {
    mp::pool p(1);
    mp::queue<int> q(1);
    static_assert(std::is_void_v<decltype(p.apply(put, q, 5))>);
    p.apply(put, q, 5);
    BOOST_TEST(q.get() == 5);
}

BOOST_AUTO_TEST_CASE(apply_throws_what_the_function_throws) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply(fail), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(apply_async_gives_a_future) {
    mp::pool p(1);
    gate g;
    auto f = p.apply_async(pass_gate, g, 5);
    static_assert(std::same_as<decltype(f), mp::future<int>>);
    g.wait_for_task();
    BOOST_TEST(!f.ready());
    g.open();
    BOOST_TEST(f.get() == 5);
}

BOOST_AUTO_TEST_CASE(as_many_tasks_run_at_once_as_there_are_workers) {
    mp::pool p(3);
    gate g;
    std::vector<mp::future<int>> tasks;
    for (int i = 0; i != 3; ++i) {
        tasks.push_back(p.apply_async(pass_gate, g, i));
    }
    for (int i = 0; i != 3; ++i) {
        g.wait_for_task(); // none of them has passed
    }
    g.open(3);
    mp::wait_all(tasks);
}

BOOST_AUTO_TEST_CASE(many_tasks_give_each_its_own_result) {
    mp::pool p(2);
    std::vector<mp::future<int>> tasks;
    for (int i = 0; i != 5000; ++i) {
        tasks.push_back(p.apply_async(twice, i));
    }
    for (int i = 0; i != 5000; ++i) {
        BOOST_TEST_REQUIRE(tasks[static_cast<std::size_t>(i)].get() == 2 * i);
    }
}

BOOST_AUTO_TEST_CASE(one_worker_runs_tasks_in_the_order_in_which_they_came) {
    mp::pool p(1);
    mp::queue<int> q(100);
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != 100; ++i) {
        tasks.push_back(p.apply_async(put, q, i));
    }
    mp::wait_all(tasks);
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(q.get() == i);
    }
}

BOOST_AUTO_TEST_CASE(a_full_task_queue_makes_try_apply_async_give_nothing) {
    mp::pool p({.processes = 1, .task_queue_capacity = 1});
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    auto queued = p.try_apply_async(twice, 2);
    BOOST_TEST(queued.has_value());
    BOOST_TEST(!p.try_apply_async(twice, 3).has_value());
    g.open();
    BOOST_TEST(running.get() == 1);
    BOOST_TEST(queued->get() == 4);
    BOOST_TEST(p.try_apply_async(twice, 3).has_value());
}

BOOST_AUTO_TEST_CASE(a_full_task_queue_makes_apply_async_wait) {
    mp::pool p({.processes = 1, .task_queue_capacity = 1});
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    auto queued = p.apply_async(twice, 2);
    mp::future<int> waited;
    std::thread submitter([&] { waited = p.apply_async(twice, 3); });
    g.open();
    submitter.join();
    BOOST_TEST(waited.get() == 6);
    BOOST_TEST(running.get() + queued.get() == 5);
}

BOOST_AUTO_TEST_CASE(closing_wakes_a_submitter_that_waits) {
    mp::pool p({.processes = 1, .task_queue_capacity = 1});
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    auto queued = p.apply_async(twice, 2);
    bool closed = false;
    std::thread submitter([&] {
        try {
            (void)p.apply_async(twice, 3);
        } catch (const mp::pool_closed&) {
            closed = true;
        }
    });
    p.close();
    submitter.join();
    BOOST_TEST(closed);
    g.open();
    BOOST_TEST(running.get() + queued.get() == 5);
}

BOOST_AUTO_TEST_CASE(a_long_task_does_not_hold_up_short_ones_sent_to_the_same_worker) {
    mp::pool p(2);
    gate g;
    auto long_one = p.apply_async(pass_gate, g, 1);
    std::vector<mp::future<int>> short_ones;
    for (int i = 0; i != 100; ++i) {
        short_ones.push_back(p.apply_async(twice, i));
    }
    mp::wait_all(short_ones); // hangs if one of them waits behind the long one
    BOOST_TEST(!long_one.ready());
    g.open();
    BOOST_TEST(long_one.get() == 1);
}

BOOST_AUTO_TEST_CASE(several_long_tasks_do_not_hold_up_short_ones) {
    mp::pool p(3);
    gate g;
    std::vector<mp::future<int>> tasks;
    std::vector<mp::future<int>> long_ones;
    for (int i = 0; i != 100; ++i) {
        tasks.push_back(p.apply_async(twice, i));
        if (i == 10 || i == 50) {
            long_ones.push_back(p.apply_async(pass_gate, g, i));
        }
    }
    mp::wait_all(tasks);
    g.open(2);
    mp::wait_all(long_ones);
}

// Sizes

BOOST_AUTO_TEST_CASE(arguments_and_results_of_all_sizes_arrive) {
    mp::pool p(1);
    for (const std::size_t size : {0, 1, 100, 4000, 5000, 64 << 10, 1 << 20, (8 << 20) + 1}) {
        const std::string text(size, 'x');
        BOOST_TEST((p.apply(same, text) == text), "of size " << size);
    }
}

BOOST_AUTO_TEST_CASE(arguments_and_results_around_the_size_of_a_message_arrive) {
    // A message has 4096 bytes, 4064 of them for content, some of which are the function's.
    mp::pool p(1);
    std::vector<std::string> texts;
    for (std::size_t size = 3980; size != 4120; ++size) {
        texts.emplace_back(size, 'x');
    }
    BOOST_TEST((p.map(same, texts, 1) == texts));
}

BOOST_AUTO_TEST_CASE(large_arguments_and_results_under_way_at_once_arrive) {
    mp::pool p(2);
    std::vector<std::string> texts;
    for (std::size_t i = 0; i != 100; ++i) {
        texts.emplace_back(5000 + 3000 * i, static_cast<char>('a' + i % 26));
    }
    BOOST_TEST((p.map(same, texts, 1) == texts));
}

BOOST_AUTO_TEST_CASE(arguments_and_results_beyond_the_heaps_arrive) {
    mp::pool p(1);
    const std::string text((128 << 20) + 1, 'x');
    BOOST_TEST((p.apply(same, text) == text));
    BOOST_TEST(p.apply(same, "small again") == "small again");
}

// close, join, terminate

BOOST_AUTO_TEST_CASE(a_closed_pool_takes_no_tasks) {
    mp::pool p(1);
    p.close();
    BOOST_CHECK_THROW(p.apply(twice, 1), mp::pool_closed);
    BOOST_CHECK_THROW((void)p.apply_async(twice, 1), mp::pool_closed);
    BOOST_CHECK_THROW((void)p.try_apply_async(twice, 1), mp::pool_closed);
    BOOST_CHECK_THROW((void)p.map(twice, std::vector{1}), mp::pool_closed);
}

BOOST_AUTO_TEST_CASE(a_closed_pool_finishes_what_it_has) {
    mp::pool p(1);
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    auto queued = p.apply_async(twice, 2);
    p.close();
    g.open();
    p.join();
    BOOST_TEST(running.get() == 1);
    BOOST_TEST(queued.get() == 4);
    BOOST_TEST(p.pids().empty());
}

BOOST_AUTO_TEST_CASE(joining_an_open_pool_is_a_logic_error) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.join(), std::logic_error);
    BOOST_TEST(p.apply(twice, 1) == 2);
}

BOOST_AUTO_TEST_CASE(closing_joining_and_terminating_again_is_harmless) {
    mp::pool p(1);
    p.close();
    p.close();
    p.join();
    p.join();
    p.terminate();
    p.join();
    p.close();
    p.terminate();
}

BOOST_AUTO_TEST_CASE(several_threads_may_join) {
    mp::pool p(2);
    p.close();
    std::thread other([&] { p.join(); });
    p.join();
    other.join();
    BOOST_TEST(p.pids().empty());
}

BOOST_AUTO_TEST_CASE(terminate_fails_what_runs_and_what_waits) {
    mp::pool p(1);
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    auto queued = p.apply_async(twice, 2);
    g.wait_for_task();
    p.terminate();
    BOOST_CHECK_THROW(running.get(), mp::pool_terminated);
    BOOST_CHECK_THROW(queued.get(), mp::pool_terminated);
    BOOST_CHECK_THROW(p.apply(twice, 1), mp::pool_closed);
    p.join();
    BOOST_TEST(p.pids().empty());
}

BOOST_AUTO_TEST_CASE(terminate_keeps_the_results_that_are_there) {
    mp::pool p(1);
    auto done = p.apply_async(twice, 1);
    done.wait();
    p.terminate();
    BOOST_TEST(done.get() == 2);
}

BOOST_AUTO_TEST_CASE(terminate_wakes_a_submitter_that_waits) {
    mp::pool p({.processes = 1, .task_queue_capacity = 1});
    gate g;
    auto running = p.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    auto queued = p.apply_async(twice, 2);
    bool closed = false;
    std::thread submitter([&] {
        try {
            (void)p.apply_async(twice, 3);
        } catch (const mp::pool_closed&) {
            closed = true;
        }
    });
    p.terminate();
    submitter.join();
    BOOST_TEST(closed);
}

BOOST_AUTO_TEST_CASE(terminate_ends_workers_that_ignore_sigterm) {
    mp::pool p(1);
    gate g;
    auto stubborn = p.apply_async(
        [](gate at) {
            std::signal(SIGTERM, SIG_IGN);
            at.pass();
        },
        g);
    g.wait_for_task();
    p.terminate();
    p.join();
    BOOST_CHECK_THROW(stubborn.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(the_destructor_fails_what_is_not_done) {
    gate g;
    std::optional<mp::pool> p(1);
    auto running = p->apply_async(pass_gate, g, 1);
    auto queued = p->apply_async(twice, 2);
    g.wait_for_task();
    p.reset();
    BOOST_CHECK_THROW(running.get(), mp::pool_terminated);
    BOOST_CHECK_THROW(queued.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(a_future_outlives_its_pool) {
    std::optional<mp::pool> p(1);
    auto small = p->apply_async(twice, 1);
    auto large = p->apply_async(repeated, "x", 1 << 20);
    mp::wait_all(small, large);
    p.reset();
    BOOST_TEST(small.get() == 2);
    BOOST_TEST(large.get().size() == 1U << 20);
}

// Many at once

BOOST_AUTO_TEST_CASE(many_threads_may_submit) {
    mp::pool p(2);
    std::vector<std::thread> threads;
    std::vector<long> sums(8);
    for (std::size_t t = 0; t != sums.size(); ++t) {
        threads.emplace_back([&, t] {
            std::vector<mp::future<int>> tasks;
            for (int i = 0; i != 200; ++i) {
                tasks.push_back(p.apply_async(twice, i));
            }
            for (auto& task : tasks) {
                sums[t] += task.get();
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (const auto sum : sums) {
        BOOST_TEST(sum == 199 * 200);
    }
}

BOOST_AUTO_TEST_CASE(two_pools_do_not_disturb_each_other) {
    mp::pool a(1);
    mp::pool b(1);
    gate g;
    auto held = a.apply_async(pass_gate, g, 1);
    BOOST_TEST(b.apply(twice, 1) == 2);
    a.terminate();
    BOOST_TEST(b.apply(twice, 2) == 4);
    BOOST_CHECK_THROW(held.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(a_worker_may_have_a_pool_of_its_own) {
    mp::pool p(2);
    auto first = p.apply_async(sum_of_twice, 10);
    auto second = p.apply_async(sum_of_twice, 100);
    BOOST_TEST(first.get() == 90);
    BOOST_TEST(second.get() == 9900);
}

BOOST_AUTO_TEST_CASE(many_pools_can_be_made_one_after_the_other) {
    for (int i = 0; i != 20; ++i) {
        mp::pool p(2);
        BOOST_TEST(p.apply(twice, i) == 2 * i);
    }
}

BOOST_AUTO_TEST_SUITE_END()
