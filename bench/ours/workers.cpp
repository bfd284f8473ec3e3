// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Many workers: how long until they all work, what memory each takes, and what a pool takes that has nothing
// to do.
#include "common/by_hand.hpp"
#include "common/measure.hpp"
#include "common/proc.hpp"
#include "common/tasks.hpp"

#include <multiprocessing.hpp>

#include <csignal>
#include <set>
#include <string>
#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr auto usage = "start|start_one|memory|memory_by_hand|idle WORKERS";
constexpr auto idle_time = 2s;
constexpr auto settling_time = 3s; // a second after its last task a pool gives memory back, and is idle then

/// Keeps its worker until told otherwise, so that the next task is another worker's.
void meet(mp::queue<long> here, mp::queue<bool> go) {
    here.put(::getpid());
    (void)go.get();
}

/// Returns when all workers have begun a task; a visitor looks around; then the tasks end.
template <class Visit>
void with_all_at_work(mp::pool& pool, const Visit& visit) {
    const auto workers = static_cast<int>(pool.size());
    mp::queue<long> here(workers);
    mp::queue<bool> go(workers);
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != workers; ++i) {
        tasks.push_back(pool.apply_async(meet, here, go));
    }
    std::set<long> pids;
    for (int i = 0; i != workers; ++i) {
        pids.insert(here.get());
    }
    bench::expect(pids.size() == pool.size(), "the number of workers");
    visit();
    for (int i = 0; i != workers; ++i) {
        go.put(true);
    }
    for (auto& task : tasks) {
        task.get();
    }
}

void measure_start(int workers) {
    const auto start = std::chrono::steady_clock::now();
    mp::pool pool{workers};
    with_all_at_work(pool, [&] {
        const auto taken = std::chrono::steady_clock::now() - start;
        bench::report("time", std::chrono::duration<double, std::milli>(taken).count(), "ms");
    });
}

/// So many times what a pool of one worker takes until its first task is done.
void measure_start_of_one(int workers) {
    std::vector<mp::pool> pools; // whose ends are no part of their starts
    const auto times = bench::times_of(20, [&](int i) {
        pools.emplace_back(1);
        bench::expect(pools.back().apply(bench::identity, i) == i, "the task's value");
    });
    bench::report("time", bench::quantile(times, 0.5) * 1e3 * workers, "ms");
}

void report_memory(const std::vector<long>& pids) {
    double sum = 0;
    for (const auto pid : pids) {
        sum += bench::proportional_set_size(pid);
    }
    bench::report("memory", sum / static_cast<double>(pids.size()) / 1024, "MiB");
}

void measure_memory(int workers) {
    mp::pool pool{workers};
    with_all_at_work(pool, [] {});
    report_memory(pool.pids());
}

/// The same program as often, doing nothing.
void measure_memory_by_hand(int workers) {
    std::vector<long> pids;
    for (int i = 0; i != workers; ++i) {
        pids.push_back(bench::start_by_hand("pause"));
    }
    std::this_thread::sleep_for(200ms);
    report_memory(pids);
    for (const auto pid : pids) {
        ::kill(static_cast<pid_t>(pid), SIGKILL);
        ::waitpid(static_cast<pid_t>(pid), nullptr, 0);
    }
}

void measure_idle(int workers) {
    mp::pool pool{workers};
    with_all_at_work(pool, [] {});
    std::this_thread::sleep_for(settling_time);
    const auto usage_of_all = [&] {
        auto sum = bench::usage_of(::getpid(), ::gettid()); // this thread wakes to measure
        for (const auto pid : pool.pids()) {
            sum += bench::usage_of(pid);
        }
        return sum;
    };
    const auto before = usage_of_all();
    std::this_thread::sleep_for(idle_time);
    const auto after = usage_of_all();
    bench::report("cpu", (after.cpu_seconds - before.cpu_seconds) * 1e3, "ms");
    bench::report("switches", static_cast<double>(after.switches - before.switches), "switches");
}

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    if (what == "pause") {
        ::pause();
        return 0;
    }
    mp::init(argc, argv);
    const auto workers = bench::number(argc, argv, 2, usage);
    if (what == "start") {
        measure_start(workers);
    } else if (what == "start_one") {
        measure_start_of_one(workers);
    } else if (what == "memory") {
        measure_memory(workers);
    } else if (what == "memory_by_hand") {
        measure_memory_by_hand(workers);
    } else {
        measure_idle(workers);
    }
}
