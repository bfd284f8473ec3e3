// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Destructors end, whatever the children do.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <csignal>
#include <random>

using namespace fault;

namespace {

void be_deaf(const std::string& path) {
    std::signal(SIGTERM, SIG_IGN);
    std::ofstream(path).put('x');
    stay();
}
void be_busy(const std::string& path) {
    std::ofstream(path).put('x');
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
void stop_itself(const std::string& path) {
    std::ofstream(path).put('x');
    std::raise(SIGSTOP);
    stay();
}
void fill_a_pipe(const std::string& path) {
    std::signal(SIGTERM, SIG_IGN);
    int ends[2];
    if (::pipe(ends) != 0) {
        ::_exit(1);
    }
    std::ofstream(path).put('x');
    const char byte = 0;
    while (::write(ends[1], &byte, 1) == 1) {
    }
    stay();
}
/// An exit handler that hangs keeps a worker from leaving.
void hang_at_exit(const std::string& path) {
    std::atexit(stay);
    std::ofstream(path).put('x');
}

using stubborn = void (*)(const std::string&);
constexpr stubborn all_stubborn[] = {be_deaf, be_busy, stop_itself, fill_a_pipe};

void kill_children() {
    for (const auto child : children_of(::getpid())) {
        kill_process(child);
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(destructors, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_process_object_ends_its_child_whatever_that_does) {
    for (const auto behaviour : all_stubborn) {
        const scratch_file begun;
        long pid = 0;
        BOOST_TEST(ends(
            [&] {
                mp::process child(behaviour, begun.path());
                child.start();
                pid = child.pid();
                eventually([&] { return begun.exists(); });
            },
            kill_children));
        BOOST_TEST(!runs(pid));
    }
}

BOOST_AUTO_TEST_CASE(a_process_object_ends_a_child_that_has_hardly_started) {
    for (int round = 0; round != 20; ++round) {
        const scratch_file begun;
        mp::process child(be_deaf, begun.path());
        child.start();
    }
}

BOOST_AUTO_TEST_CASE(a_pool_ends_its_workers_whatever_they_do) {
    for (const auto behaviour : all_stubborn) {
        const scratch_file first;
        const scratch_file second;
        std::vector<mp::future<void>> tasks;
        BOOST_TEST(ends(
            [&] {
                mp::pool pool(2);
                tasks.push_back(pool.apply_async(behaviour, first.path()));
                tasks.push_back(pool.apply_async(behaviour, second.path()));
                eventually([&] { return first.exists() && second.exists(); });
            },
            kill_children));
        for (auto& task : tasks) {
            BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_closed_pool_ends_workers_that_cannot_leave) {
    const scratch_file first;
    BOOST_TEST(ends(
        [&] {
            mp::pool pool(1);
            pool.apply(hang_at_exit, first.path());
            pool.close();
        },
        kill_children));
}

BOOST_AUTO_TEST_CASE(a_pool_that_has_hardly_started_ends) {
    for (int round = 0; round != 20; ++round) {
        mp::pool pool(2);
        auto task = pool.apply_async(twice, round);
    }
}

BOOST_AUTO_TEST_CASE(terminate_completes_every_future) {
    mp::pool pool(2);
    const scratch_file begun;
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != 100; ++i) {
        tasks.push_back(pool.apply_async(be_deaf, begun.path()));
    }
    pool.terminate();
    for (auto& task : tasks) {
        BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
        BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    }
}

BOOST_AUTO_TEST_CASE(terminate_frees_whoever_waits_for_room) {
    mp::pool pool({.processes = 1, .task_queue_capacity = 1});
    const scratch_file begun;
    std::atomic<bool> refused{false};
    std::thread submitter([&] {
        try {
            for (;;) {
                (void)pool.apply_async(be_deaf, begun.path());
            }
        } catch (const mp::pool_closed&) {
            refused = true;
        }
    });
    BOOST_TEST(eventually([&] { return begun.exists(); }));
    pool.terminate();
    submitter.join();
    BOOST_TEST(refused);
}

BOOST_AUTO_TEST_CASE(a_process_ends_that_was_stopped_at_any_instant) {
    constexpr unsigned seed = 1;
    std::minstd_rand random(seed);
    for (int round = 0; round != 30; ++round) {
        BOOST_TEST_REQUIRE(ends(
                               [&] {
                                   const scratch_file begun;
                                   mp::process child(be_deaf, begun.path());
                                   child.start();
                                   std::this_thread::sleep_for(std::chrono::microseconds(random() % 5'000));
                                   kill_process(child.pid(), SIGSTOP);
                               },
                               kill_children),
                           "seed " << seed << ", round " << round);
    }
}

// Whatever a worker was in the middle of when it was stopped, the pool does not wait for it.
BOOST_AUTO_TEST_CASE(a_pool_ends_whose_workers_were_stopped_at_any_instant) {
    constexpr unsigned seed = 2;
    std::minstd_rand random(seed);
    for (int round = 0; round != 25; ++round) {
        std::vector<mp::future<int>> tasks;
        const bool ended = ends(
            [&] {
                mp::pool pool(2);
                BOOST_TEST(pool.apply(twice, 1) == 2);
                const auto workers = pool.pids();
                std::thread stopper([&, delay = std::chrono::microseconds(random() % 5'000)] {
                    std::this_thread::sleep_for(delay);
                    for (const auto worker : workers) {
                        kill_process(worker, SIGSTOP);
                    }
                });
                while (auto task = pool.try_apply_async(twice, 1)) {
                    tasks.push_back(std::move(*task));
                    if (tasks.size() == 5'000) {
                        break;
                    }
                }
                stopper.join();
            },
            kill_children);
        for (auto& task : tasks) {
            BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
        }
        BOOST_TEST_REQUIRE(ended, "seed " << seed << ", round " << round << ": the pool hung");
    }
}

BOOST_AUTO_TEST_SUITE_END()
