// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

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

/// The worker that ran the task died before the task's result was complete.
class worker_died : public error {
public:
    /// `exit_code` as in `process::exit_code`: -N when signal N ended the worker.
    worker_died(long pid, int exit_code, const std::string& what)
        : error(what), pid_(pid), exit_code_(exit_code) {}
    /// The dead worker's process id; 0 when no worker could be started at all.
    [[nodiscard]] long pid() const noexcept { return pid_; }
    /// The worker's exit code, -N when signal N ended it.
    [[nodiscard]] int exit_code() const noexcept { return exit_code_; }
    /// The signal that ended the worker; empty when it exited.
    [[nodiscard]] std::optional<int> signal() const noexcept {
        return exit_code_ < 0 ? std::optional<int>(-exit_code_) : std::nullopt;
    }

private:
    long pid_;
    int exit_code_;
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

/// The queue is closed: nothing can be put, or nothing is left to get.
class queue_closed : public error {
public:
    using error::error;
};

/// A process died inside an operation on the queue, or was stopped there for too long; what() says which.
/// Every user of the queue gets this; nobody hangs.
class queue_broken : public error {
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
    remote_error(std::string type_name, const std::string& what)
        : error(what), type_name_(std::move(type_name)) {}
    /// The exception's type as the compiler spells it, "int" for `throw 42`.
    [[nodiscard]] const std::string& type_name() const noexcept { return type_name_; }

private:
    std::string type_name_;
};

} // namespace multiprocessing
