// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>

#pragma GCC visibility push(default)

namespace multiprocessing {
struct progress_options;
}

namespace multiprocessing::detail {

/// Shows how far something has got. Used by one thread.
class progress_meter {
public:
    /// The options have the first word about the total.
    progress_meter(const progress_options& options, std::optional<std::size_t> total);
    /// `finish`.
    ~progress_meter();
    progress_meter(const progress_meter&) = delete;
    progress_meter& operator=(const progress_meter&) = delete;

    /// So many are done. Shows it if the last time was long enough ago.
    void show(std::size_t done);
    /// Shows it for the last time. The cursor is at the beginning of a line then.
    void finish() noexcept;
    /// How often there is something to be shown, at most.
    [[nodiscard]] std::chrono::nanoseconds interval() const noexcept;

private:
    struct display;
    std::unique_ptr<display> display_; // null: nothing is shown, or it is finished
    std::chrono::nanoseconds interval_;
    std::chrono::steady_clock::time_point next_{};
    std::size_t done_ = 0;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
