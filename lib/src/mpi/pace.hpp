// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <algorithm>
#include <chrono>
#include <sched.h>

namespace multiprocessing::detail {

/// How often to look whether something has come, since MPI wakes nobody. A thread that waits inside MPI burns
/// a core. This one looks again at once as long as something comes, then less and less often: it rests for a
/// part of the time for which nothing has come, so what comes late is found hardly later for it.
class pace {
public:
    using clock = std::chrono::steady_clock;

    void something_came(os::steady_time now) noexcept { last_ = now; }
    /// Until when to rest; `now`: not at all, having let others run.
    [[nodiscard]] os::steady_time rest_until(os::steady_time now, bool is_busy) const noexcept {
        const auto quiet = now - last_;
        if (quiet < at_once) {
            ::sched_yield();
            return now;
        }
        return now + std::min<clock::duration>(quiet / part, is_busy ? longest_busy : longest_idle);
    }

private:
    /// As long as this what comes next may be about to come, and waking up costs as much.
    static constexpr std::chrono::microseconds at_once{50};
    static constexpr int part = 4;
    /// With tasks under way: they take milliseconds, or else something comes all the time.
    static constexpr std::chrono::microseconds longest_busy{500};
    /// Without: a few hundred looks a second cost a percent of a core, and the next task is found so late.
    static constexpr std::chrono::milliseconds longest_idle{5};

    os::steady_time last_ = clock::now();
};

} // namespace multiprocessing::detail
