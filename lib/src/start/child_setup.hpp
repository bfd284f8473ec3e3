// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/settings.hpp"

#include <array>
#include <vector>

namespace multiprocessing::detail {

struct launch_request;

/// What becomes the standard streams of a child, by their numbers; -1: that stays.
using standard_streams = std::array<int, 3>;

/// What a child does before anything of the program runs in it, whichever way it was started. Data, so that
/// it can travel to who forks the child.
struct child_setup {
    standard_streams streams{-1, -1, -1};
    std::vector<int> ignored{}; ///< signals that it ignores as its parent does; all others act by default
    std::vector<os::setting> settings{};

    /// In the child; async-signal-safe. 0, or a number that tells what failed.
    [[nodiscard]] int make() const noexcept;
    /// In the parent: throws `std::system_error` for such a number, unless it is 0. `otherwise` says what
    /// failed when that is no setting.
    void check(int number, const char* otherwise) const;
};

/// In the parent.
[[nodiscard]] child_setup setup_for(const launch_request& request);

} // namespace multiprocessing::detail
