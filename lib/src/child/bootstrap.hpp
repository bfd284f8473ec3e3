// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// The arguments passed to `init`, which children are started with; empty when it was not called.
[[nodiscard]] const std::optional<std::vector<std::string>>& program_arguments();

} // namespace multiprocessing::detail
