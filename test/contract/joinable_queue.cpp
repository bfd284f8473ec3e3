// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/queue.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/process.hpp>

#include "support/leaves_nothing.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

// What a joinable_queue adds to a queue.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using jobs = mp::joinable_queue<int>;

void put_range(mp::queue<int> to, int first, int last) {
    for (int n = first; n != last; ++n) {
        to.put(n);
    }
}
void work_off(jobs from, mp::queue<int> results) {
    for (const int n : from) {
        results.put(2 * n);
        from.task_done();
    }
}
/// Takes a value, and dies with it in its hand.
void take_and_die(jobs from) {
    (void)from.get();
    std::_Exit(1);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(joinable_queue, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_new_one_is_all_done) {
    jobs q(2);
    q.join();
    BOOST_TEST(q.join_for(0s));
    BOOST_TEST(q.join_until(std::chrono::system_clock::now()));
}

BOOST_AUTO_TEST_CASE(is_done_when_each_value_put_is) {
    jobs q(2);
    q.put(1);
    q.put(2);
    BOOST_TEST(!q.join_for(1ms));
    (void)q.get();
    (void)q.get();
    BOOST_TEST(!q.join_for(1ms)); // got is not done
    q.task_done();
    BOOST_TEST(!q.join_until(std::chrono::steady_clock::now() + 1ms));
    q.task_done();
    BOOST_TEST(q.join_for(0s));
    q.put(3);
    BOOST_TEST(!q.join_for(-1s));
}

BOOST_AUTO_TEST_CASE(a_value_that_found_no_room_need_not_be_done) {
    jobs q(1);
    q.put(1);
    BOOST_TEST(!q.try_put(2));
    BOOST_TEST(q.get() == 1);
    q.task_done();
    BOOST_TEST(q.join_for(0s));
}

BOOST_AUTO_TEST_CASE(nothing_is_done_more_often_than_put) {
    jobs q(2);
    BOOST_CHECK_THROW(q.task_done(), std::logic_error);
    q.put(1);
    (void)q.get();
    q.task_done();
    BOOST_CHECK_THROW(q.task_done(), std::logic_error);
    q.put(2); // and the calls that failed do not count
    BOOST_TEST(!q.join_for(0s));
}

BOOST_AUTO_TEST_CASE(joining_waits_for_what_is_not_done) {
    jobs q(2);
    q.put(1);
    std::atomic<bool> joined{false};
    std::vector<std::thread> waiting;
    for (int i = 0; i != 3; ++i) {
        waiting.emplace_back([&] {
            q.join();
            joined = true;
        });
    }
    (void)q.get();
    BOOST_TEST(!joined);
    q.task_done();
    for (auto& thread : waiting) {
        thread.join();
    }
    BOOST_TEST(joined);
}

BOOST_AUTO_TEST_CASE(a_closed_one_is_worked_off_and_joined) {
    jobs q(2);
    q.put(1);
    q.close();
    BOOST_TEST(!q.join_for(0s));
    BOOST_TEST(q.get() == 1);
    q.task_done();
    q.join();
    BOOST_CHECK_THROW(q.get(), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(carries_large_values) {
    mp::joinable_queue<std::string> q({.capacity = 2, .message_size = 64});
    const std::string large(1 << 20, 'x');
    q.put(large);
    BOOST_TEST((q.get() == large));
    q.task_done();
    q.join();
}

BOOST_AUTO_TEST_CASE(workers_in_other_processes_do_what_writers_put_into_it_as_a_plain_queue) {
    constexpr int each = 500;
    jobs q(8);
    mp::queue<int> results(4 * each);
    std::vector<mp::process> workers;
    std::vector<mp::process> writers;
    for (int i = 0; i != 2; ++i) {
        workers.emplace_back(work_off, q, results).start();
        writers.emplace_back(put_range, q, i * each, (i + 1) * each).start();
    }
    for (auto& writer : writers) {
        writer.join();
    }
    q.join();
    BOOST_TEST(q.empty());
    BOOST_TEST(results.size() == 2U * each);
    q.close();
    for (auto& worker : workers) {
        worker.join();
    }
}

BOOST_AUTO_TEST_CASE(what_a_process_had_in_its_hand_when_it_died_stays_unfinished) {
    jobs q(2);
    q.put(1);
    q.put(2);
    mp::process worker(take_and_die, q);
    worker.start();
    worker.join();
    BOOST_TEST(q.get() == 2);
    q.task_done();
    BOOST_TEST(!q.join_for(1ms));
    q.task_done(); // for the dead one
    q.join();
}

BOOST_AUTO_TEST_SUITE_END()
