// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "start/child_process.hpp"
#include "start/child_setup.hpp"
#include "start/handover.hpp"

#include <multiprocessing/context.hpp>
#include <multiprocessing/detail/closure.hpp>
#include <multiprocessing/function.hpp>

#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// What to start.
struct launch_request {
    std::string name;
    const call& function;
    closure* in_memory = nullptr; ///< instead of `function`: to be called in a copy of this memory
    std::vector<int> inherited{}; ///< descriptors the child gets, under the same numbers
    standard_streams streams{-1, -1, -1};
    std::vector<int> kept_from_it{}; ///< descriptors that it is not to have, even as a copy of this process
    bool leads_group = false;        ///< whether it has a process group of its own
    bool is_fork_server = false;     ///< and none of the user's processes
    std::vector<os::setting> settings{};
    std::vector<std::string> environment{}; ///< "NAME=value", besides or instead of the parent's
};

/// Starts a child by the start method asked for. Throws `not_initialized`,
/// `start_failed`.
std::unique_ptr<child_process> launch(start_method method, const launch_request& request);

// The start methods. They throw `std::system_error`, `resource_error`, `std::bad_alloc`.

/// Re-executes this program.
std::unique_ptr<child_process> spawn(const launch_request& request);
/// Forks a copy of this process.
std::unique_ptr<child_process> fork(const launch_request& request);
/// Has the fork server fork, which is started if there is none.
std::unique_ptr<child_process> forkserver(const launch_request& request);

// What they have in common.

/// The ends of a child's lifeline, until it has them.
struct lifeline {
    os::descriptor parent;   ///< a pidfd of this process
    os::descriptor detached; ///< a flag
    /// Throws `resource_error`.
    lifeline();
};

/// All but the call.
[[nodiscard]] handover handover_for(const launch_request& request, const lifeline& line);

/// From now on variables whose names begin so are this process's own: children that are executed do not get
/// them. `beginnings` lives for ever.
[[gnu::visibility("default")]] void keep_from_children(const std::vector<std::string>& beginnings) noexcept;

/// The environment of this process with these changes, without what is its own, as `execve` wants it. Refers
/// to both.
[[nodiscard]] std::vector<const char*> environment_with(const std::vector<std::string>& assignments);

/// What a child that was forked says of itself.
struct birth {
    std::int64_t pid = 0;
    std::int32_t failure = 0; ///< what `child_setup::make` returned; without a pid, the `errno` of a fork
};
void announce(int socket, const birth& born) noexcept;
/// Waits until a child has announced itself, or nobody will any more: the other end of the socket is closed,
/// or who answers, a process, has ended, or the deadline has passed.
std::optional<birth> wait_for_birth(int socket, int process, steady_time deadline);

/// A child that was started, until somebody watches it: if that comes to nothing, it is ended and reaped.
class unwatched_child {
public:
    explicit unwatched_child(pid_t pid) : pid_(pid) {}
    ~unwatched_child();
    unwatched_child(unwatched_child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    unwatched_child& operator=(unwatched_child&&) = delete;
    /// Throws `resource_error`.
    std::unique_ptr<child_process> watch(const launch_request& request, lifeline line);

private:
    pid_t pid_;
};

} // namespace multiprocessing::detail
