// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#pragma GCC visibility push(default)

/// Everything the library throws on its own account. All of it derives from `error`, so one handler suffices.
namespace multiprocessing {

/// Base of every error of this library.
class error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The program uses the library without having called `init`; what() shows the line to add.
class not_initialized : public error {
public:
    not_initialized();
};

/// The operating system refused what the library needs: there is no room in shared memory, no memory, no
/// descriptor; or a name in shared memory is gone or not to be used. what() says what was being done and why
/// it failed. It costs the operation that throws it, and nothing else.
class resource_error : public error {
public:
    /// For that reason.
    resource_error(std::error_code code, const std::string& what) : error(what), code_(code) {}
    /// The operating system's reason.
    [[nodiscard]] const std::error_code& code() const noexcept { return code_; }

private:
    std::error_code code_;
};

/// A process could not be started, or the operating system refused what starting one needs.
class start_failed : public resource_error {
public:
    using resource_error::resource_error;
};

/// What is known of a worker's death besides how it ended. What is not known is empty.
struct worker_death {
    std::uint64_t task = 0;   ///< the number of the task that failed: its pool counts from 1
    std::string function{};   ///< the task's function as people know it
    bool core_dumped = false; ///< the system has kept an image of its memory
    /// The most memory that the worker occupied at any time, in bytes. Empty where the parent occupied more
    /// when it started the worker: the system counts the copy of the parent that a child is at first.
    std::optional<std::size_t> peak_memory{};
    /// The kernel killed it for want of memory, as far as its control group's count of such kills can tell.
    bool out_of_memory = false;
    /// The end of what it wrote to stderr, at most 4 KiB; where the task was captured, of what that printed.
    std::string last_output{};
    /// "function at module+0xoffset" of each frame, the innermost first, a line each. Empty where the worker
    /// could not write it any more, or died of a signal that tells of no place.
    std::string stack_trace{};
    bool operator==(const worker_death&) const = default;
};

/// The worker that ran the task died before the task's result was complete. The first line of what() says who
/// died, of what, and running what; further lines whatever else is known.
class worker_died : public error {
public:
    /// `exit_code` as in `process::exit_code`: -N when signal N ended the worker.
    worker_died(long pid, int exit_code, const std::string& what, worker_death details = {})
        : error(what),
          pid_(pid),
          exit_code_(exit_code),
          details_(std::make_shared<const worker_death>(std::move(details))) {}
    /// Copies share their details.
    worker_died(const worker_died&) = default; // no move: every copy has them
    worker_died& operator=(const worker_died&) = default;
    /// The dead worker's process id; 0 when no worker could be started at all.
    [[nodiscard]] long pid() const noexcept { return pid_; }
    /// The worker's exit code, -N when signal N ended it.
    [[nodiscard]] int exit_code() const noexcept { return exit_code_; }
    /// The signal that ended the worker; empty when it exited.
    [[nodiscard]] std::optional<int> signal() const noexcept {
        return exit_code_ < 0 ? std::optional<int>(-exit_code_) : std::nullopt;
    }
    /// What what() says in its further lines, for programs. Shared by the copies of this exception.
    [[nodiscard]] const worker_death& details() const noexcept { return *details_; }

private:
    long pid_;
    int exit_code_;
    std::shared_ptr<const worker_death> details_;
};

/// The node that the task was sent to is lost: its agent, its machine or the way there. The task may have run
/// or not. Or there is no node left that it could be sent to.
class node_lost : public error {
public:
    using error::error;
};

/// The task ran for longer than its timeout, and was stopped.
class task_timed_out : public error {
public:
    using error::error;
};

/// A wait that had no other way to tell so has come to the end of its time. What was waited for may still
/// happen, and can be waited for again.
class wait_timed_out : public error {
public:
    using error::error;
};

/// A wait that had no other way to tell so was asked to stop by its `std::stop_token`. What was waited for
/// may still happen, and can be waited for again.
class wait_stopped : public error {
public:
    using error::error;
};

/// The task was cancelled, before it ran or while it ran.
class task_cancelled : public error {
public:
    using error::error;
};

/// A task was submitted to a pool after `close`.
class pool_closed : public error {
public:
    using error::error;
};

/// The pool was terminated before the task was complete.
class pool_terminated : public error {
public:
    using error::error;
};

/// The process that made an actor, and looked after it, has ended or has destroyed its last handle to it.
/// What was called from another process and has no outcome may have run or not; there is nobody to call any
/// more.
class actor_lost : public error {
public:
    using error::error;
};

/// The queue is closed: nothing can be put, or nothing is left to get.
class queue_closed : public error {
public:
    using error::error;
};

/// A process was stopped inside an operation on the queue for too long, or has written over its memory;
/// what() says which. Every user of the queue gets this; nobody hangs.
class queue_broken : public error {
public:
    using error::error;
};

/// Not all parties will meet at the barrier in this round: one of them died there, gave up, or ran out of
/// time; what() says which. Everybody who waits gets this, and everybody who comes, until the barrier is
/// reset.
class broken_barrier : public error {
public:
    using error::error;
};

/// Nothing is left to receive from a connection, and nobody has its other end any more.
class end_of_file : public error {
public:
    using error::error;
};

/// Nobody has the other end of a connection any more: what is sent would never be received.
class broken_pipe : public error {
public:
    using error::error;
};

/// The other side of a new connection could not prove that it knows the key, or was not content with this
/// side's proof.
class authentication_failed : public error {
public:
    using error::error;
};

/// A value could not be encoded; what() says why.
class not_encodable : public error {
public:
    using error::error;
};

/// Bytes received from another process are not what the expected type is encoded as.
class decode_failed : public error {
public:
    using error::error;
};

/// An exception from another process whose type this process cannot rebuild.
class remote_error : public error {
public:
    /// Of an exception of that type.
    remote_error(std::string type_name, const std::string& what)
        : error(what), type_name_(std::move(type_name)) {}
    /// The exception's type as the compiler spells it, "int" for `throw 42`.
    [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

private:
    std::string type_name_;
};

} // namespace multiprocessing

#pragma GCC visibility pop
