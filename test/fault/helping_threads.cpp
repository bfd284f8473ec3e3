// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A thread that waits for a task, or submits many, collects results for its pool: that must not do to it what
// it would not have done to itself.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <mutex>
#include <sys/resource.h>
#include <unistd.h>

using namespace fault;

namespace {

int print_and_return(int x) {
    std::fprintf(stderr, "task %d\n", x);
    return x;
}
std::size_t size_of(const std::vector<char>& data) {
    return data.size();
}
std::vector<char> make(std::size_t size) {
    return std::vector<char>(size);
}

constexpr int as_promised = 3; // not what a program ends with by itself
constexpr int wrong = 4;

/// As in `program 2>&1 | head`, when head has seen enough.
void have_nobody_read_stderr() {
    int ends[2];
    if (::pipe(ends) != 0) {
        ::_exit(wrong);
    }
    ::dup2(ends[1], STDERR_FILENO);
    ::close(ends[0]);
    ::close(ends[1]);
    std::signal(SIGPIPE, SIG_DFL);
    mp::pool pool(2);
    for (int i = 0; i != 300; ++i) {
        if (pool.apply(print_and_return, i) != i) {
            ::_exit(wrong);
        }
    }
    sigset_t pending;
    ::sigpending(&pending);
    ::_exit(::sigismember(&pending, SIGPIPE) == 0 ? as_promised : wrong);
}

void have_a_limit_for_files() {
    std::signal(SIGXFSZ, SIG_DFL);
    const rlimit limit{1 << 20, 1 << 20};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    mp::pool pool(1);
    const std::size_t below = 500'000;
    if (pool.apply(size_of, std::vector<char>(below)) != below || pool.apply(make, below).size() != below) {
        ::_exit(wrong);
    }
    ::_exit(as_promised);
}

void expect_as_promised(void (*experiment)()) {
    mp::process child(experiment);
    child.start();
    BOOST_TEST_REQUIRE(child.join_for(hang_limit));
    BOOST_TEST(child.exit_code().value() == as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(helping_threads, leaves_nothing)

BOOST_AUTO_TEST_CASE(stderr_without_a_reader_ends_nobody) {
    expect_as_promised(have_nobody_read_stderr);
}

BOOST_AUTO_TEST_CASE(a_limit_for_files_ends_nobody) {
    expect_as_promised(have_a_limit_for_files);
}

BOOST_AUTO_TEST_CASE(callbacks_do_not_run_on_a_thread_that_submits_or_waits) {
    mp::pool pool({.processes = 2, .task_queue_capacity = 100'000}); // nobody waits for room with the lock
    std::mutex mutex;
    std::atomic<int> called = 0;
    int hooked = 0;
    for (int round = 0; round != 50; ++round) {
        for (int i = 0; i != 100; ++i, ++hooked) {
            pool.apply_async(twice, i).then([&](auto) {
                const std::lock_guard lock(mutex);
                ++called;
            });
        }
        const std::lock_guard lock(mutex); // which the callbacks want as well
        std::vector<mp::future<int>> futures;
        for (int i = 0; i != 200; ++i) {
            futures.push_back(pool.apply_async(twice, i));
        }
    }
    BOOST_TEST(eventually([&] { return called == hooked; }));
}

BOOST_AUTO_TEST_SUITE_END()
