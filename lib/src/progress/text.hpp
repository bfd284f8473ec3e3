// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace multiprocessing::detail {

/// How far something has got.
struct progress_state {
    std::string description{};
    std::optional<std::size_t> total{};
    std::size_t done = 0;
    std::chrono::nanoseconds elapsed{0};
};

/// "squares: 450/1000 (45%), 36.2/s, 0:12, 0:15 left"
[[nodiscard]] std::string progress_line(const progress_state& state);
/// The same with a bar, in exactly so many columns: padded, or without the bar where there is no room for it,
/// or cut off.
[[nodiscard]] std::string progress_bar(const progress_state& state, std::size_t columns);

} // namespace multiprocessing::detail
