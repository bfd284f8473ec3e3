// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Tasks in mp::pool: throughput, latency, map, and whether the cost of a task depends on how many workers or
// tasks there are.
#include "common/tasks.hpp"

#include <multiprocessing.hpp>

#include <sched.h>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr auto usage = "async|sync|sync_spinning|map TASKS, or workers|queued TASKS NUMBER";

auto submit_to(mp::pool& pool) {
    return [&pool](int i) { return pool.apply_async(bench::identity, i); };
}

void measure_sync(mp::pool& pool, int tasks) {
    bench::measure_sync(tasks, [&](int i) { return pool.apply(bench::identity, i); });
}

/// This process, and the children it is going to start, have one core between them.
void use_one_core() {
    cpu_set_t allowed;
    ::sched_getaffinity(0, sizeof allowed, &allowed);
    int first = 0;
    while (!CPU_ISSET(first, &allowed)) {
        ++first;
    }
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    bench::expect(::sched_setaffinity(0, sizeof one, &one) == 0, "sched_setaffinity");
}

/// The cost of a task where `at_once` of them are submitted before the first is waited for, again and again.
void measure_cost(mp::pool& pool, int tasks, int at_once) {
    const auto batches = std::max(1, tasks / at_once);
    const auto run = [&](int times) {
        for (int i = 0; i != times; ++i) {
            bench::run_all_at_once(at_once, submit_to(pool));
        }
    };
    run((batches + 9) / 10);
    bench::report("cost", bench::seconds([&] { run(batches); }) * 1e6 / batches / at_once, "us/task");
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto what = bench::word(argc, argv, 1, usage);
    const auto tasks = bench::number(argc, argv, 2, usage);
    if (what == "async") {
        mp::pool pool{2};
        bench::measure_async(tasks, submit_to(pool));
    } else if (what == "sync") {
        mp::pool pool{2};
        measure_sync(pool, tasks);
    } else if (what == "sync_spinning") {
        mp::pool pool({.processes = 1, .spin = 50us});
        measure_sync(pool, tasks);
    } else if (what == "map") {
        mp::pool pool{2};
        bench::measure_map(tasks, [&](const auto& numbers) { return pool.map(bench::identity, numbers); });
    } else if (what == "workers") {
        use_one_core();
        mp::pool pool{bench::number(argc, argv, 3, usage)};
        measure_cost(pool, tasks, tasks);
    } else {
        use_one_core();
        mp::pool pool({.processes = 1, .task_queue_capacity = 1'000'000});
        measure_cost(pool, tasks, bench::number(argc, argv, 3, usage));
    }
}
