// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Descriptors run out. That is a typed error each time, leaves nothing behind, and passes.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <sys/resource.h>

using namespace fault;

namespace {

/// Exit codes of the experiments, which run in processes of their own.
enum verdict {
    as_promised = 0,
    wrong_error = 3,
    left_a_child = 4,
    left_a_descriptor = 5,
    wrong_value = 6,
    never_worked = 7,
    ran_all_the_same = 8
};

int twice(int n) {
    return 2 * n;
}
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

std::size_t open_descriptors() {
    std::size_t count = 0;
    for ([[maybe_unused]] const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        ++count;
    }
    return count - 1; // that of the directory
}

void allow_descriptors(std::size_t count) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = count;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// Runs `attempt` with ever more descriptors, from none to enough, and checks what each failure leaves.
template <class Attempt>
void with_ever_more_descriptors(const Attempt& attempt) {
    constexpr std::size_t most = 200;
    const auto before = open_descriptors();
    for (std::size_t more = 0; more != most; ++more) {
        allow_descriptors(before + more);
        bool worked = false;
        try {
            worked = attempt();
        } catch (const mp::start_failed& e) {
            allow_descriptors(before + most);
            if (e.code().category() != std::system_category() &&
                e.code().category() != std::generic_category()) {
                ::_exit(wrong_error);
            }
        } catch (const std::exception& e) {
            std::fprintf(stderr, "with %zu descriptors: %s\n", more, e.what());
            ::_exit(wrong_error);
        }
        allow_descriptors(before + most);
        if (!children_of(::getpid()).empty()) {
            std::fprintf(stderr, "with %zu descriptors: a child is left\n", more);
            ::_exit(left_a_child);
        }
        if (open_descriptors() != before) {
            std::fprintf(stderr, "with %zu descriptors: descriptors are left\n", more);
            ::_exit(left_a_descriptor);
        }
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
        return true;
    });
}

void make_pools() {
    with_ever_more_descriptors([] {
        mp::pool pool(2);
        allow_descriptors(1'000); // this is about starting
        return pool.apply(twice, 21) == 42;
    });
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

/// Arguments that go by courier need a descriptor.
void hand_over_without_descriptors() {
    mp::pool pool(1);
    pool.apply(twice, 1);
    const std::vector<char> large(70 << 20, 'x');
    const auto count = [](const std::vector<char>& data) { return data.size(); };
    allow_descriptors(3);
    try {
        if (pool.apply(count, large) != large.size()) {
            ::_exit(wrong_value);
        }
    } catch (const mp::error&) {
    }
    allow_descriptors(1'000);
    ::_exit(pool.apply(count, large) == large.size() ? as_promised : wrong_value);
}

/// A worker without descriptors: its large results need one.
void have_workers_without_descriptors() {
    mp::pool pool(1);
    const auto make = [](std::size_t size) { return std::vector<char>(size); };
    pool.apply(use_up_descriptors);
    for (const std::size_t size : {std::size_t{100}, std::size_t{70} << 20}) {
        try {
            if (pool.apply(make, size).size() != size) {
                ::_exit(wrong_value);
            }
        } catch (const mp::error&) {
        }
    }
    ::_exit(pool.apply(twice, 21) == 42 ? as_promised : wrong_value);
}

void check(void (*experiment)()) {
    mp::process child(experiment);
    child.start();
    BOOST_TEST_REQUIRE(child.join_for(hang_limit));
    BOOST_TEST(child.exit_code().value() == as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(scarce, leaves_nothing)

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
    check(have_workers_without_descriptors);
}

BOOST_AUTO_TEST_SUITE_END()
