// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Tasks in mp::mpi_pool, one worker at each agent: throughput, latency, and how both go with more agents. To
// be started by mpirun.
#include "common/tasks.hpp"

#include <multiprocessing.hpp>
#include <multiprocessing/mpi.hpp>

#include <thread>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr auto usage = "async|sync|millisecond TASKS";

/// Takes a worker's time and no core's, of which this machine may have fewer than there are workers.
int after_a_millisecond(int i) {
    std::this_thread::sleep_for(1ms);
    return i;
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto what = bench::word(argc, argv, 1, usage);
    const auto tasks = bench::number(argc, argv, 2, usage);
    mp::mpi_pool pool({.processes = 1, .root_works = false});
    if (what == "async") {
        bench::measure_async(tasks, [&](int i) { return pool.apply_async(bench::identity, i); });
    } else if (what == "sync") {
        bench::measure_sync(tasks, [&](int i) { return pool.apply(bench::identity, i); });
    } else {
        bench::measure_async(tasks, [&](int i) { return pool.apply_async(after_a_millisecond, i); });
    }
}
