// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Who makes a shared array, or uses it, is killed, forks, or finds no room: the others have what was written,
// and nothing is left.
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"
#include "support/limited.hpp"
#include "support/scarce.hpp"

#include <csignal>
#include <numeric>
#include <sys/wait.h>

using namespace scarce;

namespace {

using ints = mp::shared_array<int>;

long sum_of(const ints& array) {
    return std::accumulate(array.begin(), array.end(), 0L);
}

void make_and_stay(mp::queue<ints> out) {
    const ints array(std::vector<int>(10'000, 1));
    out.put(array);
    stay();
}

void write_for_ever(const ints& array) {
    for (;;) {
        for (auto& element : array) {
            std::atomic_ref(element).store(1);
        }
    }
}

/// What the process says in its exit code does not hold.
void require(bool holds, int code) {
    if (!holds) {
        ::_exit(code);
    }
}

void check_process(void (*experiment)()) {
    mp::process child(experiment);
    child.start();
    BOOST_TEST(child.join_for(hang_limit));
    BOOST_TEST(child.exit_code().value_or(-1) == 0);
}

int exit_code_of(pid_t copy) {
    int status = 0;
    ::waitpid(copy, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Runs in a copy of this process; its exit code.
template <class Action>
pid_t in_a_copy(const Action& action) {
    const auto copy = ::fork();
    if (copy == 0) {
        ::close(STDERR_FILENO); // a leak checker would tell of what belongs to threads that are not here
        action();
        ::_exit(0);
    }
    return copy;
}

void fork_a_copy_that_destroys_its_handles() {
    auto array = std::make_unique<ints>(std::vector<int>(10'000, 1));
    const auto handle = mp::encode(*array);
    require(exit_code_of(in_a_copy([&] {
                (*array)[0] = 5; // shared with the copy as well
                array.reset();
            })) == 0,
            10);
    require(names_of(::getpid()).size() == 1, 11);
    require(sum_of(*array) == 10'004, 12);
    mp::pool pool(1);
    require(pool.apply(sum_of, *array) == 10'004, 13);
    require(mp::decode<ints>(handle) == *array, 14);
    array.reset();
    require(names_of(::getpid()).empty(), 15);
}

void outlive_in_a_copy() {
    const scratch_file opened;
    const scratch_file destroyed;
    mp::pool pool(1);
    auto array = std::make_unique<ints>(std::vector<int>(1'000'000, 1));
    const auto handle = mp::encode(*array);
    pool.apply(sum_of, *array);
    const auto copy = in_a_copy([&] {
        require(mp::decode<ints>(handle) == *array, 19); // opened, like any other
        opened.create();
        wait_for_file(destroyed.path());
        require(sum_of(*array) == 1'000'000, 20);
        const ints own(std::vector<int>(10, 1));
        require(mp::decode<ints>(mp::encode(own)).data() == own.data(), 21);
        try {
            (void)mp::decode<ints>(handle);
            ::_exit(22);
        } catch (const mp::resource_error&) { // the original has destroyed it
        }
    });
    pool.apply(sum_of, *array);
    wait_for_file(opened.path());
    array.reset();
    destroyed.create();
    require(exit_code_of(copy) == 0, 23);
}

void make_arrays_with_ever_more_room() {
    const auto descriptors = open_descriptors();
    for (std::size_t limit = 0; limit < (std::size_t{1} << 20); limit += 64 << 10) {
        const auto context = "with " + std::to_string(limit) + " bytes";
        allow(RLIMIT_FSIZE, limit); // refused, and no SIGXFSZ
        const bool worked = succeeds(
            [] {
                const mp::shared_array<char> array(500 << 10);
                std::ranges::fill(array, 'x');
            },
            context);
        expect(worked == (limit > 500 << 10), wrong_value, context + ": not as it must be");
        expect_nothing_left(descriptors, context);
    }
    ::_exit(as_promised);
}

int open_without_address_space(const ints& array) {
    return static_cast<int>(array.size());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_array, leaves_nothing)

BOOST_AUTO_TEST_CASE(the_name_of_a_killed_makers_array_is_removed_and_its_users_keep_it) {
    mp::queue<ints> arrays(1);
    mp::process maker(make_and_stay, arrays);
    maker.start();
    const auto pid = maker.pid();
    const auto array = arrays.get();
    BOOST_TEST(sum_of(array) == 10'000);
    maker.kill();
    maker.join();
    start_a_program();
    BOOST_TEST(names_of(pid).empty());
    array[0] = 2;
    BOOST_TEST(sum_of(array) == 10'001);
    mp::pool pool(1);
    BOOST_CHECK_THROW(pool.apply(sum_of, array), mp::resource_error); // nobody new finds it
}

BOOST_AUTO_TEST_CASE(a_worker_killed_while_it_writes_hurts_nobody) {
    mp::pool pool(2);
    for (int round = 0; round != 20; ++round) {
        const ints array(100'000);
        auto task = pool.apply_async(write_for_ever, array);
        BOOST_TEST_REQUIRE(eventually([&] { return std::atomic_ref(array[99'999]).load() == 1; }));
        BOOST_TEST(task.cancel()); // kills it
        BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
        BOOST_TEST(sum_of(array) == 100'000);
        BOOST_TEST(pool.apply(sum_of, array) == 100'000);
    }
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_of_a_signal_while_it_writes_hurts_nobody) {
    mp::pool pool(1);
    const ints array(100'000);
    auto task = pool.apply_async(write_for_ever, array);
    BOOST_TEST_REQUIRE(eventually([&] { return std::atomic_ref(array[99'999]).load() == 1; }));
    kill_process(pool.pids().front());
    BOOST_TEST(death_of(std::move(task)).signal().value() == SIGKILL);
    BOOST_TEST(pool.apply(sum_of, array) == 100'000);
}

BOOST_AUTO_TEST_CASE(a_forked_copy_that_destroys_its_handles_removes_nothing) {
    check_process(fork_a_copy_that_destroys_its_handles);
}

BOOST_AUTO_TEST_CASE(a_forked_copy_keeps_what_its_original_destroys) {
    check_process(outlive_in_a_copy);
}

BOOST_AUTO_TEST_CASE(a_limit_on_files_is_an_error_and_no_signal) {
    check(make_arrays_with_ever_more_room);
}

BOOST_AUTO_TEST_CASE(too_little_address_space_ends_the_worker_and_not_the_pool) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    constexpr std::size_t room = std::size_t{20} << 20;
    pool.apply(leave_no_more_than, room);
    BOOST_CHECK_THROW(pool.apply(open_without_address_space, ints(2 * room / sizeof(int))), mp::error);
    pool.apply(leave_no_more_than, room);
    // Each has room, and all of them would not have: those that are not used make way.
    for (int i = 0; i != 8; ++i) {
        const ints array(room / 4 / sizeof(int));
        BOOST_TEST(pool.apply(open_without_address_space, array) == static_cast<int>(room / 4 / sizeof(int)));
    }
}

BOOST_AUTO_TEST_SUITE_END()
