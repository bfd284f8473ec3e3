// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/death.hpp"
#include "pool/last_words.hpp"
#include "pool/schedule.hpp"
#include "pool/worker_settings.hpp"
#include "start/child_process.hpp"
#include "wire/channel.hpp"

#include <multiprocessing/function.hpp>
#include <multiprocessing/pool_options.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// A worker as its pool sees it: a process and the channel to it. The process leads a group, so that what its
/// tasks have started ends with it.
class worker {
public:
    /// Starts the process, bound to a CPU if there is one. Throws `resource_error`, `start_failed` among
    /// them.
    worker(worker_id id, const pool_options& options, const worker_settings& settings,
           const shared_heap& tasks, std::optional<int> cpu);
    /// Kills it if it still runs.
    ~worker();
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    [[nodiscard]] worker_id id() const noexcept { return id_; }
    [[nodiscard]] long pid() const noexcept { return process_->pid(); }
    [[nodiscard]] std::optional<int> cpu() const noexcept { return cpu_; }
    [[nodiscard]] detail::channel& channel() noexcept { return *channel_; }
    [[nodiscard]] child_process& process() noexcept { return *process_; }
    [[nodiscard]] last_words& words() noexcept { return words_; }
    /// What the captured task has printed that it is running, or was running when it died.
    [[nodiscard]] std::string printed() const;

    /// Has it make a call before its next task.
    void prepare(const call& initializer);
    /// Whether it has not yet said of all that it is to do before its first task that it is done, or failed.
    [[nodiscard]] bool expects_answer() const noexcept { return answers_expected_ != 0; }
    /// It answered, as was expected; whether it is ready now.
    bool answered() noexcept;

    /// Lets the task know that it should end, if that is the one it runs.
    void request_stop(task_id task);
    /// Asks it to end; it will be killed after the grace period.
    void ask_to_end(steady_time now);
    /// It closed its end of the channel: most likely it is ending. It will be killed after the grace period.
    void hung_up(steady_time now);
    void kill() noexcept;
    /// It has ended, and cannot be reaped yet. If it was idle, nobody wants to know how it has ended.
    void is_held(bool was_idle) noexcept;
    /// Waits no longer for its end.
    void abandon();

    /// Notes why it ends, if it is not its own doing.
    void note(std::string why);
    /// What is known of its end. It must have ended.
    [[nodiscard]] detail::death death();

    // What is to happen to it, and when; `steady_time::max()`: never.
    struct timer {
        task_id task = 0;
        steady_time time = steady_time::max();
    };
    std::vector<channel::outgoing> to_send{};  ///< tasks, together with the next ones
    std::size_t taken_since_look = 0;          ///< frames that it has sent, since the supervisor last looked
    steady_time last_look{};                   ///< of the supervisor, at what it has sent
    timer overdue{};                           ///< its task will have run for too long
    steady_time end_time = steady_time::max(); ///< it will be asked to end
    steady_time look_again = steady_time::max(); ///< it has ended; whether it can be reaped is to be seen
    [[nodiscard]] steady_time kill_time() const noexcept { return kill_time_; }
    /// It was killed, and will not be waited for any longer.
    [[nodiscard]] steady_time abandon_time() const noexcept { return abandon_time_; }
    /// The earliest of these.
    [[nodiscard]] steady_time next_due() const noexcept {
        return std::min({overdue.time, end_time, kill_time_, abandon_time_, look_again});
    }

private:
    [[nodiscard]] std::string epitaph(int exit_code) const;

    const worker_id id_;
    const worker_settings& settings_;
    const std::optional<int> cpu_;
    const std::unique_ptr<detail::channel> channel_;
    last_words words_;
    const os::descriptor printed_;
    const std::optional<std::uint64_t> oom_kills_before_; // it was started
    os::descriptor stop_line_;
    os::descriptor workers_stop_line_; // until the worker is there
    std::unique_ptr<child_process> process_;
    unsigned answers_expected_ = 1;
    steady_time kill_time_ = steady_time::max();
    steady_time abandon_time_ = steady_time::max();
    std::string why_;
};

} // namespace multiprocessing::detail
