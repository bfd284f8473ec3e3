// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/pool_options.hpp>

#include <array>
#include <bit>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>

/// How long a pool's tasks take: counts, and which tasks to count.
namespace multiprocessing::detail {

/// How often durations have occurred, in buckets that are a sixteenth of their value wide: what is asked for
/// is right to within a thirtieth, whatever the range, and to add one is to increase one number.
///
///     value   0 1 ... 31 | 32-33 34-35 ... 62-63 | 64-67 68-71 ... 124-127 | 128-135 ...
///     bucket  0 1 ... 31 | 32    33    ... 47    | 48    49    ... 63      | 64      ...
class latencies {
public:
    using duration = std::chrono::nanoseconds;

    /// As if it had occurred so often. Negative counts as 0.
    void add(duration value, std::uint64_t times = 1) noexcept {
        counts_[bucket_of(value.count() > 0 ? static_cast<std::uint64_t>(value.count()) : 0)] += times;
        total_ += times;
    }

    /// What that share of the durations, more than 0 and up to 1, does not exceed; 0 when there are none.
    [[nodiscard]] duration percentile(double share) const noexcept {
        const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total_)));
        std::uint64_t passed = 0;
        for (std::size_t bucket = 0; bucket != counts_.size(); ++bucket) {
            passed += counts_[bucket];
            if (counts_[bucket] != 0 && passed >= wanted) {
                return duration(static_cast<std::int64_t>(middle_of(bucket)));
            }
        }
        return {};
    }

    [[nodiscard]] task_latency summary() const noexcept {
        return {.p50 = percentile(0.5),
                .p90 = percentile(0.9),
                .p99 = percentile(0.99),
                .p999 = percentile(0.999)};
    }

private:
    static constexpr int sub_bits = 4;
    static constexpr std::size_t in_octave = std::size_t{1} << sub_bits;
    static constexpr int value_bits = 63;
    static constexpr std::size_t buckets = (value_bits - sub_bits + 1) * in_octave;

    static std::size_t bucket_of(std::uint64_t value) noexcept {
        const auto bits = static_cast<int>(std::bit_width(value));
        const int shift = bits > sub_bits + 1 ? bits - (sub_bits + 1) : 0;
        return static_cast<std::size_t>(shift) * in_octave + static_cast<std::size_t>(value >> shift);
    }
    static std::uint64_t middle_of(std::size_t bucket) noexcept {
        if (bucket < 2 * in_octave) {
            return bucket;
        }
        const auto shift = bucket / in_octave - 1;
        const auto least = (bucket % in_octave + in_octave) << shift;
        return least + (std::uint64_t{1} << shift) / 2;
    }

    std::array<std::uint64_t, buckets> counts_{};
    std::uint64_t total_ = 0;
};

/// Chooses the tasks that are timed: to look at the clock twice for each would be a tenth of what a short one
/// costs. The first ones all, then one of so many, by chance: tasks may come in a rhythm.
class timed_sample {
public:
    static constexpr std::uint64_t all_of_the_first = 1000;
    static constexpr unsigned one_of = 16;

    /// Whether to time the task of that number, from 1 on.
    [[nodiscard]] bool has(std::uint64_t number) noexcept {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U; // Knuth's MMIX: its high bits are good
        return number <= all_of_the_first || state_ >> 32 < (std::uint64_t{1} << 32) / one_of;
    }
    /// How many tasks such a one stands for.
    [[nodiscard]] static std::uint64_t weight(std::uint64_t number) noexcept {
        return number <= all_of_the_first ? 1 : one_of;
    }

private:
    std::uint64_t state_ = 0;
};

} // namespace multiprocessing::detail
