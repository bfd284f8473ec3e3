// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <cstddef>
#include <vector>

/// The large value that goes to a task and comes back.
namespace bench {

inline constexpr std::size_t large_value = std::size_t{64} << 20;

/// `trip(value)` has the value's first element incremented elsewhere, and returns what came back, or a
/// reference to it.
template <class Trip>
void measure_trips(int count, const Trip& trip) {
    std::vector<char> value(large_value, 'x');
    const auto times = times_of(count, [&](int) {
        const auto& back = trip(value);
        expect(back.size() == large_value && back.front() == 'y' && back.back() == 'x', "the value back");
    });
    report("time", quantile(times, 0.5) * 1e3, "ms");
}

} // namespace bench
