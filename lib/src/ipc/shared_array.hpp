// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/shared_memory.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// An array that this process has made, with its elements.
struct whole_array {
    std::shared_ptr<array_core> array;
    std::span<const std::byte> elements;
};
/// Which array it is that an encoder was told to keep alive, if it is one that this process has made.
[[gnu::visibility("default")]] [[nodiscard]] std::optional<whole_array>
array_behind(const std::shared_ptr<const void>& kept);

/// Arrays that are elsewhere, by name, and those that are here in their stead.
using array_substitutes = std::vector<std::pair<std::string, std::string>>;
/// From now on, instead of those before.
[[gnu::visibility("default")]] void substitute_arrays(array_substitutes substitutes);

/// Lets go of the arrays that this process has kept open for the next handle, but for those in use.
void forget_unused_arrays() noexcept;

} // namespace multiprocessing::detail
