// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Pools are used, made and destroyed by many threads at once while their workers are killed.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <functional>
#include <random>

using namespace fault;

namespace {

/// Kills workers of a pool now and then, as long as it lives.
class killer {
public:
    explicit killer(unsigned seed, std::function<std::vector<long>()> victims)
        : thread_([this, seed, victims = std::move(victims)] {
              std::minstd_rand random(seed);
              while (!over_) {
                  const auto pids = victims();
                  if (!pids.empty()) {
                      kill_process(pids[random() % pids.size()]);
                  }
                  // Seldom enough that a worker gets to start.
                  std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 30));
              }
          }) {}
    ~killer() {
        over_ = true;
        thread_.join();
    }
    killer(const killer&) = delete;
    killer& operator=(const killer&) = delete;

private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

template <class Action>
void on_threads(unsigned count, const Action& action) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i != count; ++i) {
        threads.emplace_back([&, i] { action(i); });
    }
    for (auto& thread : threads) {
        thread.join();
    }
}

/// How many of the tasks came to what they should not.
int wrong_outcomes(mp::pool& pool, int tasks) {
    int wrong = 0;
    for (int i = 0; i != tasks; ++i) {
        try {
            wrong += pool.apply(twice, i) != 2 * i;
        } catch (const mp::worker_died&) {
        }
    }
    return wrong;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(threads, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_pool_is_used_by_many_threads_while_its_workers_are_killed) {
    mp::pool pool(2);
    std::atomic<int> wrong{0};
    {
        const killer at_work(1, [&] { return pool.pids(); });
        on_threads(6, [&](unsigned) { wrong += wrong_outcomes(pool, 2'000); });
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(pools_are_made_and_destroyed_by_many_threads_while_workers_are_killed) {
    std::atomic<int> wrong{0};
    {
        const killer at_work(2, [] {
            std::vector<long> pids;
            for (const auto& child : mp::active_children()) {
                pids.push_back(child.pid());
            }
            return pids;
        });
        on_threads(4, [&](unsigned) {
            for (int round = 0; round != 15; ++round) {
                mp::pool pool(2);
                wrong += wrong_outcomes(pool, 20);
                auto unfinished = pool.apply_async(twice, 1);
            }
        });
    }
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_CASE(a_pool_terminated_by_one_thread_disappoints_the_others_once) {
    for (int round = 0; round != 20; ++round) {
        mp::pool pool(2);
        std::atomic<int> refused{0};
        on_threads(4, [&](unsigned number) {
            if (number == 0) {
                (void)pool.apply(twice, 1);
                pool.terminate();
                pool.join();
                return;
            }
            try {
                for (;;) {
                    (void)pool.apply(twice, 1);
                }
            } catch (const mp::pool_closed&) {
                ++refused;
            } catch (const mp::pool_terminated&) {
                ++refused;
            }
        });
        BOOST_TEST(refused == 3);
    }
}

BOOST_AUTO_TEST_CASE(processes_are_started_and_killed_by_many_threads_at_once) {
    std::atomic<int> wrong{0};
    on_threads(4, [&](unsigned number) {
        for (unsigned round = 0; round != 25; ++round) {
            mp::process child(twice, 1);
            child.start();
            if ((round + number) % 2 == 0) {
                child.kill();
            }
            child.join();
            const auto code = child.exit_code().value();
            wrong += code != 0 && code != -SIGKILL;
        }
    });
    BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()
