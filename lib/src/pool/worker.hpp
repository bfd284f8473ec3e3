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
    /// Starts the process. Throws `resource_error`, `start_failed` among them.
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

    /// Asks it to end; it will be killed after the grace period.
    void ask_to_end(steady_time now);
    /// It closed its end of the channel: most likely it is ending. It will be killed after the grace period.
    void hung_up(steady_time now);
    /// What to poll for its bell: -1 once it has hung up.
    [[nodiscard]] int bell() const noexcept { return hung_up_ ? -1 : channel_.descriptor(); }
    void kill() noexcept;
    /// When it is to be killed, if it is.
    [[nodiscard]] std::optional<steady_time> kill_time() const noexcept { return kill_time_; }

    /// Notes why it ends, if it is not its own doing.
    void note(std::string why);
    /// What ended it, for people: "worker 4711 was killed by SIGSEGV". It must have ended.
    [[nodiscard]] std::string epitaph();

private:
    const worker_id id_;
    detail::channel channel_;
    std::unique_ptr<child_process> process_;
    unsigned answers_expected_ = 1;
    bool hung_up_ = false;
    std::optional<steady_time> kill_time_;
    std::string why_;
};

} // namespace multiprocessing::detail
