// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/settings.hpp"
#include "start/child_process.hpp"

#include <multiprocessing/context.hpp>
#include <multiprocessing/function.hpp>

#include <memory>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// What to start.
struct launch_request {
    std::string name;
    const call& function;
    std::vector<int> inherited{}; ///< descriptors the child gets, under the same numbers
    int error_output = -1;        ///< what becomes its stderr; -1: that of this process
    bool leads_group = false;     ///< whether it has a process group of its own
    std::vector<os::setting> settings{};
    std::vector<std::string> environment{}; ///< "NAME=value", besides or instead of the parent's
};

/// Starts a child by the start method asked for. Throws `not_initialized`,
/// `start_failed`.
std::unique_ptr<child_process> launch(start_method method, const launch_request& request);

/// Re-executes this program.
std::unique_ptr<child_process> spawn(const launch_request& request);

} // namespace multiprocessing::detail
