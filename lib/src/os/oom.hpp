// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the kernel tells of processes that it has killed for want of memory.
namespace multiprocessing::os {

/// How many processes of this process's memory control group have been killed so. Empty where the kernel does
/// not count, or the count is not to be found.
[[nodiscard]] std::optional<std::uint64_t> oom_kills();

/// The file that holds the count: memory.oom_control (version 1), memory.events (version 2). The arguments
/// are what /proc/self/cgroup and /proc/self/mountinfo say. Empty when there is none.
[[nodiscard]] std::string oom_kills_file(std::string_view groups, std::string_view mounts);
/// The number in its line "oom_kill N".
[[nodiscard]] std::optional<std::uint64_t> oom_kills_in(const std::string& file);

} // namespace multiprocessing::os
