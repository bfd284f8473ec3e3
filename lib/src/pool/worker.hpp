// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/schedule.hpp"
#include "start/child_process.hpp"
#include "wire/channel.hpp"

#include <multiprocessing/function.hpp>

#include <memory>
#include <optional>
#include <string>

namespace multiprocessing::detail {

/// A worker as its pool sees it: a process and the channel to it.
class worker {
public:
    /// Starts the process. Throws `start_failed`.
    explicit worker(worker_id id);
    /// Kills it if it still runs.
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    [[nodiscard]] worker_id id() const noexcept { return id_; }
    [[nodiscard]] long pid() const noexcept { return process_->pid(); }
    [[nodiscard]] detail::channel& channel() noexcept { return channel_; }
    [[nodiscard]] child_process& process() noexcept { return *process_; }

    /// Has it make a call before its next task.
    void prepare(const call& initializer);
    /// It answered; whether it is ready now.
    bool answered() noexcept;

    /// Asks it to end, and sets the time at which it is to be killed.
    void ask_to_end(steady_time now);
    /// Ends it at once. Why, for the error of the task that it runs, if it is not its own doing.
    void kill(std::string why = {});

    /// When it is to be killed, if it has been asked to end.
    [[nodiscard]] std::optional<steady_time> kill_time() const noexcept { return kill_time_; }
    /// Notes why it could not get ready.
    void note(std::string why) { why_ = std::move(why); }
    /// What ended it, for people: "worker 4711 was killed by SIGSEGV". It must have ended.
    [[nodiscard]] std::string epitaph();

private:
    const worker_id id_;
    detail::channel channel_;
    std::unique_ptr<child_process> process_;
    unsigned answers_expected_ = 1;
    std::optional<steady_time> kill_time_;
    std::string why_;
};

} // namespace multiprocessing::detail
