// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/future.hpp>

#include <multiprocessing/pool.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Futures of a real pool; what they do by themselves is in test/unit/future.cpp.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

int twice(int n) {
    return 2 * n;
}
int fail(int) {
    throw std::out_of_range("far out");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(future, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_value_is_got_once) {
    mp::pool p(1);
    auto f = p.apply_async(twice, 1);
    BOOST_TEST(f.valid());
    BOOST_TEST(f.get() == 2);
    BOOST_TEST(!f.valid());
    BOOST_CHECK_THROW(f.get(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_time_tells_whether_it_is_there) {
    mp::pool p(1);
    gate g;
    auto f = p.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    BOOST_TEST(!f.ready());
    BOOST_TEST(!f.wait_for(1ms));
    BOOST_TEST(!f.wait_until(std::chrono::system_clock::now()));
    g.open();
    BOOST_TEST(f.wait_for(1h));
    BOOST_TEST(f.wait_until(std::chrono::system_clock::now() + 1h));
    BOOST_TEST(f.ready());
    BOOST_TEST(f.successful());
}

BOOST_AUTO_TEST_CASE(the_outcome_of_a_task_that_throws_is_an_error) {
    mp::pool p(1);
    auto f = p.apply_async(fail, 1);
    f.wait();
    BOOST_TEST(!f.successful());
    const auto result = f.try_get();
    BOOST_TEST(result.has_error());
    BOOST_CHECK_THROW(std::rethrow_exception(result.error()), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(dropping_a_future_does_not_stop_the_task) {
    mp::pool p(1);
    gate g;
    { const auto dropped = p.apply_async(pass_gate, g, 1); }
    g.wait_for_task();
    g.open();
    BOOST_TEST(p.apply(twice, 1) == 2);
    BOOST_TEST(p.stats().done == 2U);
}

BOOST_AUTO_TEST_CASE(a_callback_runs_when_the_task_is_done) {
    mp::pool p(1);
    gate g;
    std::promise<int> called;
    auto f = p.apply_async(pass_gate, g, 5);
    f.then([&](mp::future<int> done) { called.set_value(done.get()); });
    BOOST_TEST(!f.valid());
    g.open();
    BOOST_TEST(called.get_future().get() == 5);
}

BOOST_AUTO_TEST_CASE(a_callback_gets_the_error) {
    mp::pool p(1);
    std::promise<bool> failed;
    p.apply_async(fail, 1).then([&](mp::future<int> done) { failed.set_value(done.try_get().has_error()); });
    BOOST_TEST(failed.get_future().get());
}

BOOST_AUTO_TEST_CASE(a_callback_may_submit_the_next_task) {
    mp::pool p(1);
    std::promise<mp::future<int>> next;
    p.apply_async(twice, 1).then(
        [&](mp::future<int> done) { next.set_value(p.apply_async(twice, done.get())); });
    BOOST_TEST(next.get_future().get().get() == 4);
}

BOOST_AUTO_TEST_CASE(a_callback_may_submit_although_the_task_queue_is_full) {
    // It runs on the thread that would make room.
    mp::pool p({.processes = 1, .task_queue_capacity = 1});
    gate g;
    std::promise<mp::future<int>> next;
    p.apply_async(pass_gate, g, 1).then([&](mp::future<int>) { next.set_value(p.apply_async(twice, 5)); });
    g.wait_for_task();
    auto second = p.apply_async(pass_gate, g, 2);
    mp::future<int> third;
    std::thread submitter([&] { third = p.apply_async(twice, 4); }); // fills the queue as soon as it can
    g.open(2);
    BOOST_TEST(next.get_future().get().get() == 10);
    submitter.join();
    mp::wait_all(second, third);
}

BOOST_AUTO_TEST_CASE(callbacks_run_when_the_pool_is_terminated) {
    mp::pool p(1);
    gate g;
    std::promise<bool> failed;
    p.apply_async(pass_gate, g, 1).then([&](mp::future<int> done) {
        failed.set_value(done.try_get().has_error());
    });
    p.terminate();
    BOOST_TEST(failed.get_future().get());
}

BOOST_AUTO_TEST_CASE(waiting_for_all_waits_for_the_last) {
    mp::pool p(2);
    std::vector<mp::future<int>> all;
    for (int i = 0; i != 20; ++i) {
        all.push_back(i % 2 == 0 ? p.apply_async(twice, i) : p.apply_async(fail, i));
    }
    mp::wait_all(all);
    for (std::size_t i = 0; i != all.size(); ++i) {
        BOOST_TEST(all[i].ready());
        BOOST_TEST(all[i].successful() == (i % 2 == 0));
    }
}

BOOST_AUTO_TEST_CASE(waiting_for_any_gives_the_first_to_be_done) {
    mp::pool p(2);
    gate g;
    std::vector<mp::future<int>> all;
    all.push_back(p.apply_async(pass_gate, g, 1));
    all.push_back(p.apply_async(twice, 1));
    BOOST_TEST(mp::wait_any(all) == 1U);
    BOOST_TEST(mp::wait_any(all[0], all[1]) == 1U);
    BOOST_TEST(!all[0].ready());
    g.open();
    mp::wait_all(all);
}

BOOST_AUTO_TEST_CASE(futures_of_one_pool_are_waited_for_by_many_threads) {
    mp::pool p(2);
    std::vector<std::thread> threads;
    std::vector<int> results(10);
    for (std::size_t i = 0; i != results.size(); ++i) {
        threads.emplace_back(
            [&results, i, f = p.apply_async(twice, static_cast<int>(i))]() mutable { results[i] = f.get(); });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (std::size_t i = 0; i != results.size(); ++i) {
        BOOST_TEST(results[i] == 2 * static_cast<int>(i));
    }
}

BOOST_AUTO_TEST_CASE(becomes_a_future_of_the_standard_library) {
    mp::pool p(1);
    gate g;
    auto mine = p.apply_async(pass_gate, g, 5);
    std::future<int> standard = std::move(mine);
    BOOST_TEST(!mine.valid());
    BOOST_TEST((standard.wait_for(1ms) == std::future_status::timeout));
    g.open();
    BOOST_TEST((standard.wait_for(1h) == std::future_status::ready));
    BOOST_TEST(standard.get() == 5);
    std::future<void> of_nothing = p.apply_async([] {});
    of_nothing.get();
    BOOST_CHECK_THROW((void)std::future<int>(std::move(mine)), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_future_of_the_standard_library_has_the_error) {
    mp::pool p(1);
    std::future<int> failed = p.apply_async(fail, 1);
    BOOST_CHECK_THROW(failed.get(), std::out_of_range);
    std::future<int> died = p.apply_async([] { return std::raise(SIGKILL); });
    BOOST_CHECK_THROW(died.get(), mp::worker_died);
}

BOOST_AUTO_TEST_SUITE_END()
