// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <stop_token>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

/// How long to wait.
namespace multiprocessing::detail {

using steady_time = std::chrono::steady_clock::time_point;

/// What is further away is meant as "for ever", or as "not at all"; clocks overflow on the way there.
inline constexpr std::chrono::duration<double> far_away = std::chrono::hours(24 * 365 * 100);

/// The point of time at which a wait of `duration` ends.
template <class Rep, class Period>
steady_time deadline_after(std::chrono::duration<Rep, Period> duration) {
    using std::chrono::steady_clock;
    const std::chrono::duration<double> seconds(duration);
    if (seconds > far_away) {
        return steady_time::max();
    }
    if (seconds < -far_away) {
        return steady_time::min();
    }
    return steady_clock::now() + std::chrono::ceil<steady_clock::duration>(duration);
}

/// A point of time on any clock, on the steady clock.
template <class Clock, class Duration>
steady_time on_steady_clock(std::chrono::time_point<Clock, Duration> time) {
    using seconds = std::chrono::duration<double>;
    const auto left = seconds(time.time_since_epoch()) - seconds(Clock::now().time_since_epoch());
    if (left > far_away || left < -far_away) {
        return deadline_after(left);
    }
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
        return std::chrono::ceil<std::chrono::steady_clock::duration>(time);
    } else {
        return deadline_after(time - Clock::now());
    }
}

/// When a wait ends although what it waits for has not happened: at a point of time, or when somebody asks it
/// to stop. Whoever sleeps until then is woken by a `std::stop_callback` of his own.
struct wait_limit {
    wait_limit(steady_time time, std::stop_token token = {}) // NOLINT: implicit, a time is one
        : deadline(time), stop(std::move(token)) {}
    wait_limit(std::stop_token token) // NOLINT: implicit
        : wait_limit(steady_time::max(), std::move(token)) {}

    [[nodiscard]] bool is_over() const {
        return stop.stop_requested() ||
               (deadline != steady_time::max() && deadline <= std::chrono::steady_clock::now());
    }

    steady_time deadline;
    std::stop_token stop;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
