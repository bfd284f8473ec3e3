// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

/// What a pool decides: which worker gets which task, who is replaced, what fails.
namespace multiprocessing::detail {

using task_id = std::uint64_t;   // from 1 on
using worker_id = std::uint64_t; // from 1 on; a worker that replaces another has a new one

/// What is to be done. The one who asked does it, in this order.
namespace action {
struct start_worker {
    worker_id worker;
    std::chrono::milliseconds after;
};
struct send_task {
    worker_id worker;
    task_id task;
};
/// Take so many tasks that it has not begun back from the worker, and report them with `taken_back`.
struct take_back {
    worker_id worker;
    std::size_t count;
};
/// Let the worker end by itself.
struct dismiss_worker {
    worker_id worker;
};
/// End the worker.
struct end_worker {
    worker_id worker;
};
enum class failure { worker_died, no_worker_starts, pool_terminated };
struct fail_task {
    task_id task;
    failure reason;
};
} // namespace action
using any_action = std::variant<action::start_worker, action::send_task, action::take_back,
                                action::dismiss_worker, action::end_worker, action::fail_task>;

struct schedule_options {
    std::size_t workers = 1;
    std::size_t capacity = 1024;
    std::size_t max_tasks_per_child = 0; // 0: no limit
};

/// A pool as a pure state machine: events in, actions out; no thread, no clock, no process.
///
/// Tasks wait in one queue, first in first out. Workers that are ready get up to `most_under_way` of them
/// ahead, the one with the fewest first. When a worker has nothing to do and nothing waits, it gets what
/// another has not begun.
class schedule {
public:
    /// Enough that a worker with short tasks need not wait for the pool, few enough to be taken back quickly.
    static constexpr std::size_t most_under_way = 16;
    /// How often, for each worker that the pool is to have, workers may die before they are ready with no
    /// worker getting ready in between. A cause that passes, like a machine out of memory, has had most of a
    /// second to do so.
    static constexpr std::size_t most_start_attempts = 5;
    /// Doubled for each further attempt.
    static constexpr std::chrono::milliseconds first_back_off{50};

    explicit schedule(const schedule_options& options);

    // Events.
    /// A bulky task is handed to a worker only when that has nothing else to do: what is beside the message
    /// cannot be taken back.
    void submitted(task_id task, bool bulky = false);
    void ready(worker_id worker);
    /// It has got something to do first, and will be ready again.
    void preparing(worker_id worker);
    /// False when that task is not the one that the worker can be running.
    [[nodiscard]] bool result_arrived(worker_id worker, task_id task);
    void taken_back(worker_id worker, const std::vector<task_id>& tasks);
    /// The task could not be sent, and was failed for that.
    void undeliverable(worker_id worker, task_id task);
    /// The worker is dead, or could not be started; `begun` is the last task that it began, 0 if none. What
    /// it has sent has been reported before.
    void died(worker_id worker, task_id begun);
    void close();
    void terminate();

    /// The actions that the events since the last call have led to.
    [[nodiscard]] std::vector<any_action> take_actions() { return std::exchange(actions_, {}); }

    // Questions.
    /// Whether a task may be submitted without exceeding the capacity.
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool is_open() const noexcept { return !closed_; }
    /// Whether a worker whose start was asked for is still to be started.
    [[nodiscard]] bool wants(worker_id worker) const;
    /// Closed, and no worker is left.
    [[nodiscard]] bool finished() const;
    [[nodiscard]] std::size_t running() const;
    [[nodiscard]] std::size_t queued() const { return unfinished_.size() - running(); }

private:
    /// A place for a worker.
    struct place {
        enum class state { vacant, starting, ready, leaving };
        state now = state::vacant;
        worker_id worker = 0;
        std::deque<task_id> under_way{}; // sent to it, and no result has arrived
        std::size_t given = 0;           // tasks that this worker has got
        std::size_t failed_starts = 0;   // in a row, in this place
        task_id last_finished = 0;
        bool nothing_to_take_back = false;
    };

    place* find(worker_id worker);
    [[nodiscard]] std::size_t room_at(const place& slot) const;
    [[nodiscard]] bool may_get(const place& slot, task_id task) const;
    static std::optional<task_id> victim(const place& slot, task_id begun);
    [[nodiscard]] std::chrono::milliseconds back_off(const place& slot) const;
    void start(place& slot, std::chrono::milliseconds after);
    void advance();
    void hand_out();
    void take_back_for_idle_workers();
    void dismiss();
    void fail_all(action::failure reason);

    const schedule_options options_;
    std::vector<place> slots_;
    std::deque<task_id> waiting_;
    std::unordered_map<task_id, bool> unfinished_; // whether it is bulky
    worker_id last_worker_ = 0;
    std::size_t failed_starts_ = 0; // in a row, in all places
    bool closed_ = false;
    bool terminated_ = false;
    bool given_up_ = false; // no slot has a worker, or will ever have
    std::vector<any_action> actions_;
};

} // namespace multiprocessing::detail
