// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>

/// The registry of names in shared memory. A name tells which process made it, so that what a killed process
/// leaves behind can be recognised and removed by any other.
namespace multiprocessing::detail {

/// A new name for Boost.Interprocess, which nobody can guess: multiprocessing-NAMESPACE-PID-START-RANDOM.
[[nodiscard]] std::string make_name();

/// Removes this name and all that were derived from it by appending. Never throws: what cannot be removed
/// stays.
void remove_names_beginning_with(const std::string& name) noexcept;

/// Removes the names made by processes that no longer run. Never throws: what cannot be removed stays.
void remove_names_of_the_dead() noexcept;

} // namespace multiprocessing::detail
