// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <sched.h>

namespace multiprocessing::os {

/// Looks again and again for a short while before somebody goes to sleep: waking up costs tens of
/// microseconds. Others that could run are let run meanwhile: where every core is wanted, that is once or
/// twice, and then the while is over. Where waits turn out to be long it looks for less and less long.
class spin {
public:
    using clock = std::chrono::steady_clock;

    /// For no longer than this; not at all for zero.
    explicit spin(std::chrono::nanoseconds longest) : longest_(longest), budget_(longest) {}

    /// Begins a wait: looks whether `is_there` until it is, or it is no longer worth it; whether it is.
    template <class Condition>
    bool operator()(const Condition& is_there) {
        begin_ = clock::now();
        const auto end = begin_ + budget_;
        while (clock::now() < end) {
            ::sched_yield();
            if (is_there()) {
                return found_ = true;
            }
        }
        return found_ = false;
    }

    /// The wait is over; by sleeping, when the former was false. If it was not, others have had the core for
    /// as long as it took.
    void learn() {
        const bool was_short = found_ || clock::now() - begin_ < worth_it * longest_;
        budget_ = was_short ? longest_ : budget_ / 2;
    }

    [[nodiscard]] std::chrono::nanoseconds longest() const noexcept { return longest_; }

private:
    /// A wait that ends by waking up has taken longer for that alone.
    static constexpr int worth_it = 4;

    std::chrono::nanoseconds longest_;
    std::chrono::nanoseconds budget_;
    clock::time_point begin_{};
    bool found_ = false;
};

} // namespace multiprocessing::os
