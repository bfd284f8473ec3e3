// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace multiprocessing {

/// How a process is started.
enum class start_method {
    spawn, ///< re-executes this program: nothing is inherited but the standard streams
};

/// What can be known of a process without owning it. A value; never blocks.
class process_info {
public:
    process_info(long pid, std::string name) : pid_(pid), name_(std::move(name)) {}
    [[nodiscard]] long pid() const noexcept { return pid_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

private:
    long pid_;
    std::string name_;
};

/// This process: its id, and the name it was started with ("main" in a process the library did not start).
[[nodiscard]] process_info current_process();

/// The process that started this one through the library; empty in any other process.
[[nodiscard]] std::optional<process_info> parent_process();

/// The children started by this process that are alive: `process` objects and workers of pools. Thread-safe.
[[nodiscard]] std::vector<process_info> active_children();

/// The number of CPUs this process may use, at least 1: its affinity mask, further limited by the CPU quota
/// of its control groups (`cpu.max`), rounded up.
[[nodiscard]] std::size_t cpu_count();

} // namespace multiprocessing
