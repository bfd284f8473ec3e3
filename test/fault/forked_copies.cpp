// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A parent forks a copy of itself, without exec: whatever the copy does, it disturbs nobody.
#include "support/fault.hpp"
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <memory>
#include <sys/wait.h>

using namespace fault;

namespace {

std::string repeated(char letter) {
    return std::string(1'000'000, letter); // travels in the worker's buffer
}

int exit_with(gate g, int code) {
    std::exit(pass_gate(std::move(g), code));
}

/// All that a parent may have. With static lifetime, so that `exit` destroys it in a copy as well.
struct belongings {
    gate at_work{};
    mp::pool pool{2};
    mp::pool idle_pool{1};
    mp::queue<int> queue{10};
    mp::process child{exit_with, at_work, 7};
    std::vector<mp::future<int>> tasks{};
    mp::future<std::string> large_result{idle_pool.apply_async(repeated, 'a')};
};
std::unique_ptr<belongings> all;

void wait_until_busy() {
    all->large_result.wait();
    all->child.start();
    for (int i = 0; i != 2; ++i) {
        all->tasks.push_back(all->pool.apply_async(pass_gate, all->at_work, i));
    }
    for (int i = 0; i != 3; ++i) {
        all->at_work.wait_for_task();
    }
}

enum class way_out { exit_orderly, cancel, exit_at_once, throw_, abort_, move_over };

/// A leak checker would tell of what belongs to the threads that are not in the copy.
void be_silent() {
    ::close(STDERR_FILENO);
}

[[noreturn]] void leave(way_out way) {
    be_silent();
    switch (way) {
    case way_out::exit_orderly:
        std::exit(0);
    case way_out::cancel: // as leaving a range of results early does
        for (auto& task : all->tasks) {
            (void)task.cancel();
        }
        std::exit(0);
    case way_out::exit_at_once:
        ::_exit(0);
    case way_out::throw_:
        try {
            const auto inside = std::move(all);
            throw std::runtime_error("thrown by a test");
        } catch (const std::exception&) { // and on the way destroyed all
            ::_exit(0);
        }
    case way_out::move_over:
        all->pool = mp::pool(1);
        all->child = mp::process(twice, 1);
        std::exit(0);
    case way_out::abort_:
        break;
    }
    ::signal(SIGABRT, SIG_DFL);
    std::abort();
}

/// Whether it ended, and was not killed because it hung.
bool copy_ends(pid_t copy) {
    const bool in_time = eventually([&] { return look_at(copy).state == 'Z'; }, 20s);
    if (!in_time) {
        kill_process(copy);
    }
    ::waitpid(copy, nullptr, 0);
    return in_time;
}

/// What a parent checks cannot be seen by the test: it says what does not hold in its exit code.
void require(bool holds, int code) {
    if (!holds) {
        ::_exit(code);
    }
}

void fork_while_busy(way_out way) {
    all = std::make_unique<belongings>();
    wait_until_busy();
    const auto workers = all->pool.pids();
    const auto copy = ::fork();
    if (copy == 0) {
        leave(way);
    }
    require(copy_ends(copy), 10);
    require(all->pool.pids() == workers, 11);
    require(all->idle_pool.apply(twice, 1) == 2, 12);
    all->at_work.open(3);
    for (int i = 0; i != 2; ++i) {
        require(all->tasks[static_cast<std::size_t>(i)].get() == i, 13);
    }
    all->child.join();
    require(all->child.exit_code() == 7, 14);
    all->queue.put(5);
    require(all->queue.get() == 5, 15);
    // Would be overwritten by the next if the copy had given the buffer back.
    require(all->idle_pool.apply(repeated, 'b') == repeated('b'), 16);
    require(all->large_result.get() == repeated('a'), 17);
    require(all->pool.stats().restarts == 0 && all->idle_pool.stats().restarts == 0, 18);
    all.reset();
}

void check_way_out(way_out way) {
    mp::process parent(fork_while_busy, way);
    parent.start();
    BOOST_TEST(parent.join_for(hang_limit));
    BOOST_TEST(parent.exit_code().value_or(-1) == 0);
}

void fork_all_the_time() {
    all = std::make_unique<belongings>();
    std::atomic<bool> enough{false};
    std::thread user([&] {
        while (!enough) {
            for (int i = 0; i != 20; ++i) {
                require(all->pool.apply(twice, i) == 2 * i, 20);
            }
            mp::process short_lived(twice, 1);
            short_lived.start();
            short_lived.join();
            require(short_lived.exit_code() == 0, 21);
        }
    });
    for (int i = 0; i != 50; ++i) {
        const auto copy = ::fork();
        if (copy == 0) {
            be_silent();
            std::exit(0);
        }
        require(copy_ends(copy), 22);
    }
    enough = true;
    user.join();
    require(all->pool.stats().restarts == 0, 23);
    all.reset();
}

/// Forks a copy that stays, and stays as well.
void leave_a_copy(const std::string& ready) {
    all = std::make_unique<belongings>();
    wait_until_busy();
    const auto copy = ::fork();
    if (copy != 0) {
        std::ofstream(ready) << copy << std::endl;
    }
    for (;;) {
        ::pause();
    }
}

int return_twice(int n) {
    (void)::fork();
    return n;
}

void check_a_task_that_returns_twice(mp::isolation isolation, const mp::task_options& options) {
    mp::pool pool({.processes = 1, .isolation = isolation});
    BOOST_TEST(pool.apply(options, return_twice, 1) == 1);
    std::vector<mp::future<int>> others;
    for (int n = 0; n != 100; ++n) {
        others.push_back(pool.apply_async(twice, n));
    }
    for (int n = 0; n != 100; ++n) {
        auto& each = others[static_cast<std::size_t>(n)];
        BOOST_TEST_REQUIRE(each.wait_for(hang_limit));
        BOOST_TEST(each.get() == 2 * n);
    }
    BOOST_TEST(pool.stats().restarts == 0U);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(forked_copies, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_copy_that_exits_ends_nobody) {
    check_way_out(way_out::exit_orderly);
}

BOOST_AUTO_TEST_CASE(a_copy_that_cancels_ends_nobody) {
    check_way_out(way_out::cancel);
}

BOOST_AUTO_TEST_CASE(a_copy_that_exits_at_once_ends_nobody) {
    check_way_out(way_out::exit_at_once);
}

BOOST_AUTO_TEST_CASE(a_copy_that_destroys_all_it_has_ends_nobody) {
    check_way_out(way_out::throw_);
}

BOOST_AUTO_TEST_CASE(a_copy_that_aborts_ends_nobody) {
    check_way_out(way_out::abort_);
}

BOOST_AUTO_TEST_CASE(a_copy_that_has_a_pool_of_its_own_ends_nobody) {
    check_way_out(way_out::move_over);
}

BOOST_AUTO_TEST_CASE(copies_forked_at_any_instant_end_nobody,
                     *boost::unit_test::precondition(forks_beside_threads_are_sound)) {
    mp::process parent(fork_all_the_time);
    parent.start();
    BOOST_TEST(parent.join_for(hang_limit));
    BOOST_TEST(parent.exit_code().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_task_that_returns_in_a_copy_of_its_worker_too_has_returned_once) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        check_a_task_that_returns_twice(isolation, {});
        check_a_task_that_returns_twice(isolation, {.capture = true});
    }
}

BOOST_AUTO_TEST_CASE(a_copy_that_outlives_its_original_keeps_nobody_alive) {
    const scratch_file ready;
    mp::process parent(leave_a_copy, ready.path());
    parent.start();
    long copy_pid = 0;
    BOOST_TEST_REQUIRE(eventually([&] { return std::ifstream(ready.path()) >> copy_pid && copy_pid != 0; }));
    const identity copy(copy_pid);
    auto family = descendants_of(parent.pid());
    std::erase_if(family, [&](const auto& each) { return each.pid == copy_pid; });
    BOOST_TEST(family.size() == 4U); // three workers, a child
    parent.kill();
    parent.join();
    check_that_they_are_gone(family);
    BOOST_TEST(copy.runs());
    kill_process(copy_pid);
    BOOST_TEST(eventually([&] { return !copy.runs(); }));
}

BOOST_AUTO_TEST_SUITE_END()
