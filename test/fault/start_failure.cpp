// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Workers that cannot start: tried again a bounded number of times, then reported.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <csignal>
#include <sched.h>
#include <sys/mount.h>

using namespace fault;

namespace {

void throw_always() {
    throw std::runtime_error("no licence");
}
void kill_always() {
    std::raise(SIGKILL);
}

using counter = std::atomic<unsigned>;
void count_and_throw(const std::string& path) {
    ++*shared<counter>(path);
    throw_always();
}
void throw_the_first(const std::string& path, unsigned times) {
    if ((*shared<counter>(path))++ < times) {
        throw_always();
    }
}
void die_the_first(const std::string& path, unsigned times) {
    if ((*shared<counter>(path))++ < times) {
        std::raise(SIGKILL);
    }
}

std::string error_of(mp::future<int> task) {
    try {
        task.get();
    } catch (const mp::worker_died& e) {
        return e.what();
    }
    return "a value";
}

/// Exit codes of a process that tries what cannot work.
enum verdict { as_promised = 0, started_all_the_same = 2, other_error = 3, not_permitted = 77 };

/// Mounts are private to this thread, and the threads that it starts, from here on.
void keep_mounts_private() {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        ::_exit(not_permitted);
    }
}
/// Where there is no /proc, the program cannot be executed again.
void hide_proc() {
    if (::mount("none", "/proc", "tmpfs", 0, nullptr) != 0) {
        ::_exit(not_permitted);
    }
}
void start_a_process_without_proc() {
    keep_mounts_private();
    hide_proc();
    try {
        mp::process child(twice, 1);
        child.start();
    } catch (const mp::start_failed& e) {
        ::_exit(e.code() == std::errc::no_such_file_or_directory ? as_promised : other_error);
    }
    ::_exit(started_all_the_same);
}
void start_a_pool_without_proc() {
    keep_mounts_private();
    hide_proc();
    try {
        mp::pool pool(2);
    } catch (const mp::start_failed& e) {
        ::_exit(e.code() == std::errc::no_such_file_or_directory ? as_promised : other_error);
    }
    ::_exit(started_all_the_same);
}
/// A pool whose /proc vanishes while it lives can replace nobody.
void lose_proc_and_the_worker() {
    keep_mounts_private();
    mp::pool pool(1);
    pool.apply(twice, 1);
    const auto pid = pool.pids().front();
    hide_proc();
    kill_process(pid);
    while (pool.stats().restarts == 0) { // a task sent to the dead worker would be as good
        std::this_thread::yield();
    }
    const auto error = error_of(pool.apply_async(twice, 1));
    ::_exit(contains(error, "no worker can be started") && contains(error, "/proc/") ? as_promised
                                                                                     : other_error);
}

void check_verdict(void (*experiment)()) {
    mp::process child(experiment);
    child.start();
    BOOST_TEST_REQUIRE(child.join_for(hang_limit));
    if (child.exit_code() == not_permitted) {
        BOOST_TEST_MESSAGE("not tested: a private mount namespace is not permitted here");
        return;
    }
    BOOST_TEST(child.exit_code().value() == as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(start_failure, leaves_nothing)

BOOST_AUTO_TEST_CASE(an_initializer_that_always_throws_is_reported_with_its_reason) {
    mp::pool pool(2);
    pool.initializer(throw_always);
    const auto error = error_of(pool.apply_async(twice, 1));
    BOOST_TEST(contains(error, "no worker can be started"), error);
    BOOST_TEST(contains(error, "no licence"), error);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_always_dies_is_reported_with_its_signal) {
    mp::pool pool(2);
    pool.initializer(kill_always);
    const auto error = error_of(pool.apply_async(twice, 1));
    BOOST_TEST(contains(error, "no worker can be started"), error);
    BOOST_TEST(contains(error, "SIGKILL"), error);
}

BOOST_AUTO_TEST_CASE(every_task_fails_when_no_worker_starts_and_later_ones_at_once) {
    mp::pool pool({.processes = 2, .task_queue_capacity = 10});
    pool.initializer(kill_always);
    for (int i = 0; i != 30; ++i) { // more than the task queue holds: submitting must not wait for ever
        BOOST_TEST(error_of(pool.apply_async(twice, i)) != "a value");
    }
}

BOOST_AUTO_TEST_CASE(submitting_that_waits_for_room_ends_when_no_worker_starts) {
    mp::pool pool({.processes = 1, .task_queue_capacity = 1});
    pool.initializer(kill_always);
    std::vector<mp::future<int>> tasks;
    for (int i = 0; i != 30; ++i) {
        tasks.push_back(pool.apply_async(twice, i));
    }
    for (auto& task : tasks) {
        BOOST_TEST(error_of(std::move(task)) != "a value");
    }
}

BOOST_AUTO_TEST_CASE(attempts_to_start_are_bounded) {
    const scratch_file file;
    const shared<counter> attempts(file.path());
    mp::pool pool(2);
    pool.initializer(count_and_throw, file.path());
    BOOST_TEST(error_of(pool.apply_async(twice, 1)) != "a value");
    const auto made = attempts->load();
    BOOST_TEST(made > 0U);
    BOOST_TEST(made <= 20U); // two workers, a handful of attempts each
    BOOST_TEST(error_of(pool.apply_async(twice, 1)) != "a value");
    BOOST_TEST(attempts->load() == made);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_throws_only_at_first_harms_nobody) {
    const scratch_file file;
    mp::pool pool(1);
    pool.initializer(throw_the_first, file.path(), 3U);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(an_initializer_that_dies_only_at_first_harms_nobody) {
    const scratch_file file;
    mp::pool pool(2);
    pool.initializer(die_the_first, file.path(), 4U);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(failed_starts_of_long_ago_do_not_count) {
    const scratch_file file;
    mp::pool pool(1);
    pool.initializer(throw_the_first, file.path(), 3U);
    for (int round = 0; round != 4; ++round) {
        shared<counter>(file.path())->store(0); // the next three fail again
        BOOST_TEST(pool.apply(twice, 21) == 42);
        kill_process(pool.pids().front());
    }
}

BOOST_AUTO_TEST_CASE(a_pool_ends_while_its_workers_fail_to_start) {
    for (int round = 0; round != 10; ++round) {
        mp::pool pool(2);
        pool.initializer(kill_always);
        auto task = pool.apply_async(twice, 1);
        pool.terminate();
        pool.join();
        BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    }
}

BOOST_AUTO_TEST_CASE(a_process_that_cannot_be_executed_is_a_start_failure) {
    check_verdict(start_a_process_without_proc);
}

BOOST_AUTO_TEST_CASE(a_pool_that_cannot_be_started_is_a_start_failure) {
    check_verdict(start_a_pool_without_proc);
}

BOOST_AUTO_TEST_CASE(workers_that_can_no_longer_be_started_are_reported_with_the_reason) {
    check_verdict(lose_proc_and_the_worker);
}

BOOST_AUTO_TEST_SUITE_END()
