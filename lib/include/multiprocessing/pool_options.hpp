// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/context.hpp>

#include <cstddef>
#include <cstdint>

/// What can be said about a pool when it is made, and what it says about itself.
namespace multiprocessing {

/// How a pool works.
struct pool_options {
    std::size_t processes = cpu_count();    ///< how many workers, at least 1
    std::size_t max_tasks_per_child = 0;    ///< a worker is replaced after so many tasks; 0: never
    std::size_t task_queue_capacity = 1024; ///< how many tasks may wait for a worker, at least 1
};

/// Counts of a pool's tasks and workers.
struct pool_stats {
    std::size_t queued = 0;     ///< submitted, and no worker is on it
    std::size_t running = 0;    ///< workers that have a task
    std::uint64_t done = 0;     ///< completed with a value or the task's own exception
    std::uint64_t failed = 0;   ///< completed with an error of the library: `worker_died`, `pool_terminated`
    std::uint64_t restarts = 0; ///< workers started in place of others
};

} // namespace multiprocessing
