// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// How a process is started. By each of them a child has the standard streams, the environment and the
/// working directory of its parent, signals act by default, and it ends as one that was spawned.
enum class start_method {
    /// Re-executes this program: nothing else is inherited. The default, and as safe as it gets.
    spawn,
    /// Forks a copy of this process: the child has its memory and all its descriptors. Of the other threads
    /// there is none in it, and what one of them had locked at that moment stays locked; the library's own
    /// threads and locks are no trouble. Objects of this library that are copied so can be destroyed; those
    /// that others can have as arguments can be used, provided that no other thread used them at that moment;
    /// pools, processes and futures cannot. Exit handlers, and objects with static lifetime, are left to the
    /// parent: in the child those run that it has added itself.
    fork,
    /// Has a process fork that was spawned for that at the first use, the fork server: as spawn, but in a
    /// quarter of the time, whatever the parent's size. What the function has loaded that was given to
    /// `set_forkserver_preload` is there already. Umask, limits, niceness and CPUs are those that this
    /// process had at the first use.
    forkserver,
};

/// All there are.
inline constexpr std::array all_start_methods{start_method::spawn, start_method::fork,
                                              start_method::forkserver};

/// What processes and pools are started by whose options do not say. `spawn` at first, and in a child what
/// it was in its parent. Holds for later starts, and pools made later; thread-safe. Throws
/// `std::invalid_argument` for a value that is none.
void set_start_method(start_method method);
[[nodiscard]] start_method get_start_method() noexcept;

/// What can be known of a process without owning it. A value; never blocks.
class process_info {
public:
    /// Of whatever process.
    process_info(long pid, std::string name) : pid_(pid), name_(std::move(name)) {}
    /// Its process id.
    [[nodiscard]] long pid() const noexcept { return pid_; }
    /// The name that it was started with.
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

#pragma GCC visibility pop
