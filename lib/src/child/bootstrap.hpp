// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace multiprocessing::detail {

struct handover;

/// The arguments passed to `init`, which children are started with; empty when it was not called.
[[gnu::visibility("default")]] [[nodiscard]] const std::optional<std::vector<std::string>>&
program_arguments();

/// Makes this process the child that the handover is for, runs the function and ends. What it has inherited
/// is under the same numbers, or under those given.
[[noreturn]] void become_child(const handover& work, const std::function<void()>& function,
                               const std::vector<int>& numbers_here = {});
/// Ends a child that cannot begin what it was started for, and says why.
[[noreturn]] void cannot_begin(const std::exception& reason);

/// Runs an encoded call whose result nobody wants. The descriptors among its arguments are those that this
/// child has inherited under these numbers of the parent.
void run_encoded(std::span<const std::byte> call, const std::vector<int>& descriptors);

/// The number here of a descriptor that this child has inherited, given that in its parent.
[[nodiscard]] int inherited(int number) noexcept;

} // namespace multiprocessing::detail
