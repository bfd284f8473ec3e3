// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// No further process or thread is allowed. That is a typed error, leaves nothing behind, and passes.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <sys/stat.h>

using namespace scarce;

namespace {

void do_nothing() {}

/// The processes and threads that count for the limit.
std::size_t tasks_of_this_user() {
    std::size_t tasks = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        struct stat status {};
        if (name.find_first_not_of("0123456789") != std::string::npos ||
            ::stat(entry.path().c_str(), &status) != 0 || status.st_uid != ::geteuid()) {
            continue;
        }
        std::error_code vanished;
        for (std::filesystem::directory_iterator task(entry.path() / "task", vanished), none; task != none;
             task.increment(vanished)) {
            ++tasks;
        }
    }
    return tasks;
}

/// Runs `attempt` with ever more processes and threads, from none to enough, and checks what each failure
/// leaves.
template <class Attempt>
void with_ever_more_processes(const Attempt& attempt) {
    become_somebody_else(); // root may have as many processes as it likes
    const auto descriptors = open_descriptors();
    for (std::size_t more = 0; more != 50; ++more) {
        const auto context = "with " + std::to_string(more) + " processes";
        allow(RLIMIT_NPROC, tasks_of_this_user() + more);
        const bool worked = succeeds(attempt, context);
        allow_all(RLIMIT_NPROC);
        expect_nothing_left(descriptors, context);
        if (worked) {
            ::_exit(as_promised);
        }
    }
    ::_exit(never_worked);
}

void start_processes() {
    with_ever_more_processes([] {
        mp::process child(do_nothing);
        child.start();
        child.join();
        if (child.exit_code() == EXIT_FAILURE) { // not even the thread that is its lifeline
            throw mp::error("it could not begin");
        }
        expect(child.exit_code() == 0, wrong_value, "it ended in another way");
    });
}

void make_pools() {
    with_ever_more_processes([] {
        mp::pool pool(2);
        allow_all(RLIMIT_NPROC); // this is about starting
        expect(pool.apply(twice, 21) == 42, wrong_value, "a pool that has started does not work");
    });
}

void replace_a_worker_later() {
    become_somebody_else(); // root may have as many processes as it likes
    mp::pool pool(2);
    pool.apply(twice, 1);
    for (unsigned round = 0; round != 3; ++round) {
        allow(RLIMIT_NPROC, 1);
        kill_process(pool.pids().front());
        eventually([&] { return pool.stats().restarts > round; });
        expect(pool.apply(twice, 21) == 42, wrong_value, "the other worker does not work");
        allow_all(RLIMIT_NPROC);
        expect(eventually([&] { return pool.pids().size() == 2; }), never_worked, "it is not replaced");
    }
    ::_exit(as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scarce_processes, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_process_starts_or_fails_cleanly_with_any_number_of_others) {
    check(start_processes);
}

BOOST_AUTO_TEST_CASE(a_pool_starts_or_fails_cleanly_with_any_number_of_others) {
    check(make_pools);
}

BOOST_AUTO_TEST_CASE(a_pool_outlives_a_time_without_further_processes) {
    check(replace_a_worker_later);
}

BOOST_AUTO_TEST_SUITE_END()
