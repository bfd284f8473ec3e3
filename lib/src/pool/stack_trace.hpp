// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace multiprocessing::detail {

/// What a worker has reported about its crash, for people: "function at module+0xoffset" of each frame down
/// to the task's function, the innermost first, a line each. Empty when the worker has reported nothing, or
/// rubbish, or the crash is not the `signal` that it died of. The offset is what addr2line wants.
[[nodiscard]] std::string stack_trace_in(std::span<const std::byte> report, int signal);

} // namespace multiprocessing::detail
