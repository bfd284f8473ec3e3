// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Descriptors run out. That is a typed error each time, leaves nothing behind, and passes.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

using namespace scarce;

namespace {

int use_up_descriptors() {
    int last = -1;
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) {
        last = fd;
    }
    return last;
}
void leave_a_trace(const std::string& path) {
    std::ofstream(path).put('x');
}

void allow_descriptors(std::size_t count) {
    allow(RLIMIT_NOFILE, count);
}
/// The standard streams have the numbers below.
void allow_no_more_descriptors() {
    allow_descriptors(3);
}

/// Runs `attempt` with ever more descriptors, from none to enough, and checks what each failure leaves.
template <class Attempt>
void with_ever_more_descriptors(const Attempt& attempt) {
    constexpr std::size_t most = 200;
    const auto before = open_descriptors();
    for (std::size_t more = 0; more != most; ++more) {
        const auto context = "with " + std::to_string(more) + " descriptors";
        allow_descriptors(before + more);
        const bool worked = succeeds(attempt, context);
        allow_descriptors(before + most);
        expect_nothing_left(before, context);
        if (worked) {
            ::_exit(as_promised);
        }
    }
    ::_exit(never_worked);
}

void start_processes() {
    with_ever_more_descriptors([] {
        const scratch_file trace;
        mp::process child(leave_a_trace, trace.path());
        try {
            child.start();
        } catch (const mp::start_failed&) {
            if (trace.exists()) { // reported as not started
                ::_exit(ran_all_the_same);
            }
            throw;
        }
        child.join();
    });
}

void make_pools() {
    with_ever_more_descriptors([] {
        mp::pool pool(2);
        allow_descriptors(1'000); // this is about starting
        expect(pool.apply(twice, 21) == 42, wrong_value, "a pool that has started does not work");
    });
}

void use_queues() {
    with_ever_more_descriptors([] {
        mp::queue<std::string> queue({.capacity = 2, .message_size = 64, .end_with_writers = true});
        auto writer = queue.writer();
        writer.put("small");
        writer.put(std::string(100'000, 'x'));
        expect(queue.get() == "small", wrong_value, "a small value came out wrong");
        expect(queue.get().size() == 100'000, wrong_value, "a large value came out wrong");
    });
}

/// A value that there is no descriptor for stays where it is.
void get_a_large_value_later() {
    mp::queue<std::string> queue({.capacity = 2, .message_size = 64});
    queue.put("first" + std::string(larger_than_kept(), 'x'));
    queue.put("second");
    const auto before = open_descriptors();
    allow_no_more_descriptors();
    const auto get = [&] { (void)queue.get(); };
    expect(!succeeds(get, "without a descriptor"), ran_all_the_same, "it was got without a descriptor");
    expect(!succeeds(get, "without a descriptor"), ran_all_the_same, "it was got without a descriptor");
    allow_descriptors(before + 10);
    expect(queue.get().starts_with("first"), wrong_value, "the value that was to come later is lost");
    expect(queue.get() == "second", wrong_value, "the next value is lost");
    expect(open_descriptors() == before, left_a_descriptor, "descriptors are left");
    ::_exit(as_promised);
}

/// While a pool cannot replace a worker, and after.
void replace_a_worker_later() {
    mp::pool pool(2);
    pool.apply(twice, 1);
    const auto before = open_descriptors();
    allow_descriptors(before);
    for (int round = 0; round != 3; ++round) {
        kill_process(pool.pids().front());
        eventually([&] { return pool.stats().restarts > static_cast<unsigned>(round); });
        if (pool.apply(twice, 21) != 42) { // one worker is left, or the dead one's descriptors serve
            ::_exit(wrong_value);
        }
        allow_descriptors(1'000);
        eventually([&] { return pool.pids().size() == 2; });
        allow_descriptors(before);
    }
    ::_exit(as_promised);
}

/// What does not fit into the heaps goes by courier, which takes a descriptor at both ends.
constexpr std::size_t by_courier = std::size_t{130} << 20;

/// Has `task` run when either end is short of descriptors: that costs this one task, and no worker.
template <class Task>
void expect_one_lost_task(mp::pool& pool, const Task& task) {
    const auto worker = pool.pids();
    try {
        task();
        end(ran_all_the_same, "it ran without a descriptor");
    } catch (const mp::resource_error&) {
    } catch (const std::exception& e) {
        end(wrong_error, e.what());
    }
    expect(pool.apply(twice, 21) == 42, wrong_value, "the pool does not work any more");
    expect(pool.pids() == worker, hurt_a_worker, "it cost a worker");
}

void hand_over_without_descriptors() {
    mp::pool pool(2);
    pool.apply(twice, 1);
    const std::vector<char> large(by_courier, 'x');
    allow_no_more_descriptors();
    expect_one_lost_task(pool, [&] { pool.apply(count, large); });
    allow_descriptors(1'000);
    expect(pool.apply(count, large) == large.size(), wrong_value, "not even with descriptors");
    ::_exit(as_promised);
}

void take_over_without_descriptors() {
    mp::pool pool(2);
    pool.apply(twice, 1);
    allow_no_more_descriptors();
    expect_one_lost_task(pool, [&] { pool.apply(make, by_courier); });
    allow_descriptors(1'000);
    expect(pool.apply(make, by_courier).size() == by_courier, wrong_value, "not even with descriptors");
    ::_exit(as_promised);
}

void have_workers_without_descriptors() {
    mp::pool pool(1);
    const std::vector<char> large(by_courier, 'x');
    pool.apply(use_up_descriptors);
    expect(pool.apply(make, 100).size() == 100, wrong_value, "a small result needs no descriptor");
    expect_one_lost_task(pool, [&] { pool.apply(make, by_courier); });
    expect_one_lost_task(pool, [&] { pool.apply(count, large); });
    ::_exit(as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scarce_descriptors, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_process_starts_or_fails_cleanly_with_any_number_of_descriptors) {
    check(start_processes);
}

BOOST_AUTO_TEST_CASE(a_pool_starts_or_fails_cleanly_with_any_number_of_descriptors) {
    check(make_pools);
}

BOOST_AUTO_TEST_CASE(a_pool_outlives_a_shortage_of_descriptors) {
    check(replace_a_worker_later);
}

BOOST_AUTO_TEST_CASE(large_arguments_without_descriptors_cost_one_task) {
    check(hand_over_without_descriptors);
}

BOOST_AUTO_TEST_CASE(large_results_without_descriptors_cost_one_task) {
    check(take_over_without_descriptors);
}

BOOST_AUTO_TEST_CASE(workers_without_descriptors_lose_large_arguments_and_results_only) {
    check(have_workers_without_descriptors);
}

BOOST_AUTO_TEST_CASE(a_queue_works_or_fails_cleanly_with_any_number_of_descriptors) {
    check(use_queues);
}

BOOST_AUTO_TEST_CASE(a_large_value_without_a_descriptor_can_be_got_later) {
    check(get_a_large_value_later);
}

BOOST_AUTO_TEST_SUITE_END()
