// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What tells one process from every other, and one machine's limits.
namespace multiprocessing::os {

/// Identifies a process for as long as the machine runs: a pid alone is used again.
struct process_identity {
    std::uint64_t pid_namespace = 0;
    std::uint64_t pid = 0;
    std::uint64_t start_time = 0; ///< in clock ticks since the machine started
    bool operator==(const process_identity&) const = default;
};

/// Throws `resource_error` when it cannot be read, for want of a descriptor.
[[nodiscard]] process_identity this_process();
/// Whether that process runs. What cannot be seen from here, in another pid namespace or for want of a
/// descriptor, counts as running; a zombie does not.
[[nodiscard]] bool is_running(const process_identity& process);

/// A number that no other thread has, of any process in this pid namespace, as long as this one runs.
[[nodiscard]] std::uint32_t this_thread() noexcept;
/// Whether a thread of this process has that number.
[[nodiscard]] bool is_thread_of_this_process(std::uint32_t number) noexcept;

/// A descriptor of a running process (a pidfd): readable when it has ended. Throws `resource_error`.
[[gnu::visibility("default")]] descriptor open_process(long pid);

/// The resident memory of a process in bytes; 0 when there is no such process.
[[nodiscard]] std::size_t resident_memory(long pid);
/// The most that this process has had, in bytes.
[[nodiscard]] std::size_t peak_memory() noexcept;

/// Has a signal do what it does by default. Async-signal-safe, as glibc's function for it is not from 2.41
/// on: that one locks, for SIGABRT.
void set_default_action(int signal) noexcept;

/// Sends a signal to all processes of the group that the process behind the descriptor leads, or led: they
/// may outlive it.
void signal_group(int leader, long pid, int number) noexcept;

/// Sets what "NAME=value" says, in the calling process, which must have one thread only.
void add_to_environment(const std::vector<std::string>& assignments);
/// The same; nothing else is left of what there was.
void set_environment(const std::vector<std::string>& assignments);

/// What has been read ahead from the standard input, and that it has ended, is forgotten: it becomes another.
void forget_standard_input() noexcept;

/// Writes out what is in the buffers of the standard streams.
void flush_standard_streams() noexcept;

/// In a copy of a process: of the exit handlers, and destructors of objects with static lifetime, only those
/// run at its end that are added from now on. What is printed is written out then.
void leave_exit_handlers_behind() noexcept;

/// Has the system kill this process when the thread ends that has started it; or, with `false`, no longer.
void set_end_with_starter(bool wanted) noexcept;

/// A number nobody can guess.
[[gnu::visibility("default")]] [[nodiscard]] std::uint64_t random_number();

/// The name of the calling process as shown by `ps -o comm` and debuggers; the first 15 bytes count.
[[gnu::visibility("default")]] void set_process_name(const std::string& name);

/// Has the calling thread woken when its waits end, not when that suits the system, some 50 us later.
[[gnu::visibility("default")]] void be_on_time() noexcept;

/// From now on memory that is freed stays with this process, up to some 100 MiB: what the system gives anew
/// is filled with zeros and mapped page by page, which costs far more than copying. Where the heap is
/// glibc's.
void keep_freed_memory() noexcept;
/// Gives back what is free.
void give_freed_memory_back() noexcept;

/// Gives the calling thread a descriptor table of its own, which holds these two and nothing else. Where the
/// system forbids that, the thread goes on sharing the process's.
bool keep_only(int first, int second) noexcept;

/// Waits until `word` is no longer `seen`, somebody wakes it, or the deadline has passed. May return early.
/// The word may lie in memory shared with other processes; a waiter that is killed disturbs nobody.
void wait_on(std::atomic<std::uint32_t>& word, std::uint32_t seen, steady_time deadline) noexcept;
void wake_one(std::atomic<std::uint32_t>& word) noexcept;
void wake_all(std::atomic<std::uint32_t>& word) noexcept;

} // namespace multiprocessing::os
