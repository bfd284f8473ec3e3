// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/settings.hpp"

#include <vector>

namespace multiprocessing::detail {

struct launch_request;

/// What a child does before anything of the program runs in it, whichever way it was started. Data, so that
/// it can travel to who forks the child.
struct child_setup {
    int error_output = -1;      ///< what becomes its stderr; -1: that stays
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
