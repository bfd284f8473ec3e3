// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>

namespace multiprocessing::os {

/// A point of time for system calls that take one on CLOCK_MONOTONIC, which is what the steady clock is.
[[nodiscard]] inline timespec on_monotonic_clock(steady_time time) noexcept {
    const auto since_epoch = std::max(time.time_since_epoch(), steady_time::duration::zero());
    const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since_epoch);
    return {static_cast<time_t>(whole.count()),
            static_cast<long>(std::chrono::nanoseconds(since_epoch - whole).count())};
}

} // namespace multiprocessing::os
