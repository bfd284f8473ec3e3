// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/socket.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>

namespace multiprocessing::detail {

/// The line on which a pool asks a worker to stop its task: a socket that brings the task's id.
///
/// A thread listens, since the task may be busy; it is started for the first task that takes a stop token, so
/// that other workers have none. Thread-safe.
class stop_line {
public:
    /// That of this process, which has one if it is a worker.
    static stop_line& of_this_process();

    /// This process is a worker; the socket is its own from now on.
    void open(int socket);
    /// From now on this is the task that runs.
    void begin(std::uint64_t task);
    /// It has ended: a request for it is not one for its next attempt.
    void end();
    /// The running task's token; one that is never asked to stop where no line was opened.
    [[nodiscard]] std::stop_token token();

private:
    void listen();

    std::atomic<bool> listening_{false};
    std::atomic<std::uint64_t> running_{0}; // written by the thread that runs tasks
    std::mutex mutex_;                      // guards all below
    os::descriptor socket_;
    std::optional<std::uint64_t> asked_to_stop_;
    std::optional<std::stop_source> source_; // of the running task, if it has asked for its token
};

} // namespace multiprocessing::detail
