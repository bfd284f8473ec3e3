// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire/channel.hpp"

namespace multiprocessing::detail {

/// What a worker is handed.
struct worker_handle {
    channel_handle channel{};
    int stop_line = -1;
};

/// What a worker's process runs: receives tasks, runs them, sends their outcomes, until told to leave.
void worker_loop(const worker_handle& handle);

} // namespace multiprocessing::detail
