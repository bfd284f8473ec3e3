// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"
#include "os/descriptor.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace multiprocessing::detail {

/// How long a child that was asked to end has before it is killed: long enough for a handler that flushes
/// files, short enough that destructors end before anybody wonders.
inline constexpr std::chrono::milliseconds termination_grace{500};

/// What traces a child, a debugger or the leak check of a sanitizer, has to see its end before the parent can
/// reap it. After so long the parent looks again: long beside the microseconds that this takes as a rule.
inline constexpr std::chrono::milliseconds look_again_after{1};

/// How long a child that was killed is waited for. The kernel takes milliseconds; it takes for ever where a
/// tracer does not let go of the child, or a file system does not.
inline constexpr std::chrono::seconds longest_dying{5};

/// How a child ended.
struct ending {
    int exit_code = 0; ///< -N when signal N ended it
    bool core_dumped = false;
    std::optional<std::size_t> peak_memory{}; ///< as in `worker_death`
};

/// A child that was started, until it is reaped. Thread-safe.
class child_process {
public:
    /// `process` is a pidfd of the child; `detached` the flag that tells it to outlive this process. When it
    /// leads a process group, what signals it and what ends it goes for the whole group. `is_users`: not the
    /// library's own, of which the user is not told.
    child_process(long pid, std::string name, os::descriptor process, os::descriptor detached,
                  bool leads_group, bool is_users = true);
    ~child_process();
    child_process(const child_process&) = delete;
    child_process& operator=(const child_process&) = delete;

    [[nodiscard]] long pid() const noexcept { return pid_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    /// Readable once it has ended, which can be before it can be reaped.
    [[nodiscard]] int handle() const noexcept { return process_.get(); }
    /// Not so in a copy of the process that started it, where it is not to be destroyed.
    [[nodiscard]] bool is_started_here() const noexcept { return starter_.is_this_process(); }

    /// Waits until it has ended, and reaps it; false when the limit came first.
    bool wait_until(const wait_limit& limit);
    /// Empty while it runs, or is held by what traces it; else its exit code, -N when signal N ended it.
    /// Reaps it, and kills what is left of the group that it leads.
    std::optional<int> exit_code();
    /// Empty while it runs. Reaps it.
    std::optional<ending> ended();
    /// Nothing happens when it has ended.
    void signal(int number) noexcept;
    /// Asks it to end, kills it after the grace period, and reaps it, or abandons it.
    void end();
    /// Kills it, and reaps it, or abandons it.
    void kill();
    /// Waits no longer for the end of one that was killed: it counts as ended now, and is reaped at a later
    /// start of a process.
    void abandon();
    /// Lets it outlive this process, and this object. It is reaped at a later start of a process, if it has
    /// ended by then.
    void detach();

    /// What `exit_code` says when somebody else has reaped the child, or nobody could.
    static constexpr int status_taken = 255;

private:
    const os::maker starter_;
    const long pid_;
    const std::string name_;
    const os::descriptor process_;
    const os::descriptor detached_;
    const bool leads_group_;
    const std::size_t parents_memory_; // at most, until it was started: the child began in it
    std::mutex mutex_;                 // guards what follows, and the group's number
    std::optional<ending> ending_;
};

/// Reaps the detached children that have ended.
void reap_detached_children();

} // namespace multiprocessing::detail
