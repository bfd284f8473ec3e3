// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire/channel.hpp"

namespace multiprocessing::detail {

/// What a worker is handed.
struct worker_handle {
    channel_handle channel{};
    int stop_line = -1;
    int printed = -1; ///< memory for what captured tasks print
    bool memory_is_limited = false;
    bool is_traced = false;          ///< the pool wants to know when tasks run
    bool keeps_freed_memory = false; ///< somebody who looks at how much it has would be misled
};

/// What a worker exits with that needs more memory than its limit. Nobody's habit as an exit code; a task
/// that uses it all the same gets a wrong explanation, no more.
inline constexpr int out_of_memory = 251;

/// What a worker's process runs: receives tasks, runs them, sends their outcomes, until told to leave. When
/// its memory is limited and does not suffice, it exits with `out_of_memory`.
void worker_loop(const worker_handle& handle);

} // namespace multiprocessing::detail
