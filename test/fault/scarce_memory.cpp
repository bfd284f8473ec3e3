// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Memory runs out. That is a typed error of what needed it, leaves nothing behind, and passes.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

using namespace scarce;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t large = 130 * mebibyte; // too large for the heaps as well

void do_nothing() {}

/// Lets this process map so much more. A sanitizer ends the process when it gets no memory for itself, so
/// with one the experiments run with enough.
void allow_more_memory([[maybe_unused]] std::size_t amount) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    allow(RLIMIT_AS, pages * static_cast<std::size_t>(::getpagesize()) + amount);
#endif
}

/// Runs `attempt` with ever more memory, from next to none to enough; `then` after each attempt, with as much
/// as there is.
template <class Attempt, class Then>
void with_ever_more_memory(std::size_t step, const Attempt& attempt, const Then& then) {
    constexpr int most = 100;
    for (int steps = 0; steps != most; ++steps) {
        const auto context = "with " + std::to_string(steps * step / 1024) + " KiB";
        // What a process needs for small things it has: this is about those that are worth a message.
        allow_more_memory(mebibyte + steps * step);
        const bool worked = succeeds(attempt, context);
        allow_all(RLIMIT_AS);
        then(context);
        if (worked) {
            ::_exit(as_promised);
        }
    }
    ::_exit(never_worked);
}

void start_processes() {
    const auto descriptors = open_descriptors();
    with_ever_more_memory(
        mebibyte,
        [] {
            mp::process child(do_nothing);
            child.start();
            child.join();
            if (child.exit_code() != 0) { // it has inherited the limit
                throw mp::error("it could not begin");
            }
        },
        [&](const std::string& context) { expect_nothing_left(descriptors, context); });
}

void make_pools() {
    const auto descriptors = open_descriptors();
    with_ever_more_memory(
        mebibyte,
        [] {
            mp::pool pool(2);
            allow_all(RLIMIT_AS); // this is about starting
            expect(pool.apply(twice, 21) == 42, wrong_value, "a pool that has started does not work");
        },
        [&](const std::string& context) { expect_nothing_left(descriptors, context); });
}

/// What a pool and its workers share are files in memory, for which limits on files hold.
void make_pools_of_small_files() {
    const auto descriptors = open_descriptors();
    for (std::size_t size = 1024; size != 1024 * mebibyte; size *= 2) {
        const auto context = "with files of " + std::to_string(size / 1024) + " KiB";
        allow(RLIMIT_FSIZE, size);
        const bool worked = succeeds(
            [] {
                mp::pool pool(2);
                allow_all(RLIMIT_FSIZE);
                expect(pool.apply(twice, 21) == 42, wrong_value, "a pool that has started does not work");
            },
            context);
        allow_all(RLIMIT_FSIZE);
        expect_nothing_left(descriptors, context);
        if (worked) {
            ::_exit(as_promised);
        }
    }
    ::_exit(never_worked);
}

/// That a pool is as it was.
auto is_sound(mp::pool& pool) {
    return [&pool, workers = pool.pids()](const std::string& context) {
        expect(pool.apply(twice, 21) == 42, wrong_value, context + ": the pool does not work any more");
        expect(pool.pids() == workers, hurt_a_worker, context + ": it cost a worker");
    };
}

void hand_over_large_arguments() {
    mp::pool pool(1);
    pool.apply(twice, 1);
    const auto data = make(large);
    with_ever_more_memory(
        16 * mebibyte,
        [&] { expect(pool.apply(count, data) == large, wrong_value, "arguments arrived incomplete"); },
        is_sound(pool));
}

void take_over_large_results() {
    mp::pool pool(1);
    pool.apply(twice, 1);
    const auto data = make(large);
    with_ever_more_memory(
        16 * mebibyte,
        [&] { expect(pool.apply(make, large) == data, wrong_value, "a result arrived wrong"); },
        is_sound(pool));
}

void put_large_values() {
    mp::queue<std::vector<char>> queue(2);
    const auto data = make(large);
    const auto names = names_of(::getpid());
    with_ever_more_memory(
        16 * mebibyte, [&] { queue.put(data); },
        [&](const std::string& context) {
            if (const auto value = queue.try_get()) {
                expect(*value == data, wrong_value, context + ": another value came out");
            }
            expect(names_of(::getpid()) == names, left_a_name, context + ": a name is left");
            queue.put({'a'});
            expect(queue.get().size() == 1, wrong_value, context + ": the queue does not work any more");
        });
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scarce_memory, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_process_starts_or_fails_cleanly_with_any_amount_of_memory) {
    check(start_processes);
}

BOOST_AUTO_TEST_CASE(a_pool_starts_or_fails_cleanly_with_any_amount_of_memory) {
    check(make_pools);
}

BOOST_AUTO_TEST_CASE(a_pool_starts_or_fails_cleanly_with_files_of_any_size) {
    check(make_pools_of_small_files);
}

BOOST_AUTO_TEST_CASE(large_arguments_without_memory_cost_one_task) {
    check(hand_over_large_arguments);
}

BOOST_AUTO_TEST_CASE(large_results_without_memory_cost_one_task) {
    check(take_over_large_results);
}

BOOST_AUTO_TEST_CASE(large_values_without_memory_are_not_put) {
    check(put_large_values);
}

BOOST_AUTO_TEST_SUITE_END()
