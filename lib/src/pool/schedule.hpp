// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/freest.hpp"
#include "pool/task_table.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#pragma GCC visibility push(default) // for our other libraries

/// What a pool decides: which worker gets which task, who is replaced, what fails.
namespace multiprocessing::detail {

using worker_id = std::uint64_t; // from 1 on; a worker that replaces another has a new one

/// What is to be done. The one who asked does it, in this order.
namespace action {
struct start_worker {
    worker_id worker;
    std::chrono::nanoseconds after;
};
struct send_task {
    worker_id worker;
    task_id task;
};
/// Take up to so many tasks that it has not begun back from the worker, the oldest first, and report them
/// with `taken_back`. Then report what it has sent, and `settled`.
struct take_back {
    worker_id worker;
    std::size_t count;
};
/// Report `overdue` after so long.
struct start_timer {
    worker_id worker;
    task_id task;
    std::chrono::nanoseconds after;
};
/// Let the task know that it should end.
struct request_stop {
    worker_id worker;
    task_id task;
};
/// Let the worker end by itself.
struct dismiss_worker {
    worker_id worker;
};
/// End the worker after so long, and report `ending` then.
struct end_worker {
    worker_id worker;
    std::chrono::nanoseconds after;
};
/// Do not end the worker, unless that has begun.
struct spare_worker {
    worker_id worker;
};
/// Report `rested` after so long.
struct rest_task {
    task_id task;
    std::chrono::nanoseconds after;
};
enum class failure : std::uint8_t { worker_died, timed_out, cancelled, no_worker_starts, pool_terminated };
struct fail_task {
    task_id task;
    failure reason;
};
} // namespace action
using any_action =
    std::variant<action::start_worker, action::send_task, action::take_back, action::start_timer,
                 action::request_stop, action::dismiss_worker, action::end_worker, action::spare_worker,
                 action::rest_task, action::fail_task>;

struct schedule_options {
    std::size_t workers = 1;
    std::size_t capacity = 1024;
    std::size_t max_tasks_per_child = 0; // 0: no limit
    std::size_t most_under_way = 16;     // tasks at a worker, the running one included
    std::chrono::nanoseconds retry_back_off = std::chrono::milliseconds(50);
    bool replaces_workers = true;
};

/// What the schedule has to know of a task.
struct task_traits {
    /// Is handed to a worker only when that has nothing else to do: what is beside the message cannot be
    /// taken back.
    bool bulky = false;
    bool takes_stop_token = false;
    std::chrono::nanoseconds timeout{0}; // 0: none
    std::chrono::nanoseconds stop_grace{0};
    std::size_t retries = 0;
};

/// A pool as a pure state machine: events in, actions out; no thread, no clock, no process.
///
/// Tasks wait in one queue, first in first out. Workers that are ready get some of them ahead, the one with
/// the fewest first. When a worker has nothing to do and nothing waits, it gets what another has not begun.
///
/// How many a worker gets ahead, its window, follows from how it gets on: who is found to have finished all
/// it had while others waited gets twice as many from then on, up to `most_under_way`; who is found to have
/// finished few of many, fewer. So short tasks keep a worker busy while its pool is not scheduled, and long
/// ones wait where anybody can take them.
///
/// Events are taken note of, and what follows from all of them is decided when actions are taken.
///
/// The life of a task:
///
///      waiting ----> under way to a worker ----> done, or judged ----> done
///         ^                  |     |                       |
///         +--- taken back ---+     +--- died, timed out ---+---> resting, to wait again; or failed
///
/// The task at the front of those under way is the one that the worker runs, as far as can be known here. Who
/// is to be stopped, as cancelled or overdue, first has everything taken back from its worker that it has not
/// begun: what comes back was not running, and what the worker has sent by then has been seen.
class schedule {
public:
    /// How often, for each worker that the pool is to have, workers may die before they are ready with no
    /// worker getting ready in between, and none at work. A cause that passes, like a machine out of memory,
    /// has had most of a second to do so.
    static constexpr std::size_t most_start_attempts = 5;
    /// Doubled for each further attempt.
    static constexpr std::chrono::milliseconds first_back_off{50};
    /// Doublings of a back-off end here: a task that is tried again for the hundredth time waits for a
    /// thousand times the first wait, not for ever.
    static constexpr std::size_t most_doublings = 10;
    /// A worker's window at first.
    static constexpr std::size_t first_window = 16;

    explicit schedule(const schedule_options& options);

    /// What a result is worth.
    enum class verdict {
        impossible, ///< that task is not the one that the worker can be running
        outcome,    ///< it is the task's outcome
        doubtful,   ///< it is, unless `is_final` says otherwise
        too_late,   ///< the task was cancelled, or has timed out
    };

    // Events.
    void submitted(task_id task, const task_traits& traits = {});
    void ready(worker_id worker);
    /// It has got something to do first, and will be ready again.
    void preparing(worker_id worker);
    /// A result that is `doubtful` may be a reason to try again; whether to is decided by `is_final`.
    [[nodiscard]] verdict result_arrived(worker_id worker, task_id task, bool doubtful = false);
    /// Whether a doubtful result is the task's outcome, given that somebody wants to try `again` or not.
    [[nodiscard]] bool is_final(task_id task, bool again);
    /// False when some of these were not under way to it; those are left where they are.
    bool taken_back(worker_id worker, const std::vector<task_id>& tasks);
    /// What the worker had sent when tasks were taken back from it has been reported. What it has neither
    /// given back nor finished it runs.
    void settled(worker_id worker);
    /// The task could not be sent, and was failed for that.
    void undeliverable(worker_id worker, task_id task);
    /// So much time has passed since `start_timer`.
    void overdue(worker_id worker, task_id task);
    /// The worker's end has begun: it will not run anything more. That end may be long; what it has not begun
    /// others need not wait for.
    void ending(worker_id worker);
    /// A task that has rested may run again.
    void rested(task_id task);
    /// False when the task is complete. Else it never runs, or is stopped, and fails as cancelled.
    [[nodiscard]] bool cancel(task_id task);
    /// The worker is to be replaced once its task is done.
    void retire(worker_id worker);
    /// The worker is dead, or could not be started; `begun` is the last task that it began, 0 if none. What
    /// it has sent has been reported before.
    void died(worker_id worker, task_id begun);
    void close();
    void terminate();

    /// The actions that the events since the last call have led to. Valid until the next call.
    [[nodiscard]] std::span<const any_action> take_actions() {
        if (has_news_) {
            advance();
            has_news_ = false;
        }
        taken_.clear();
        std::swap(actions_, taken_);
        return taken_;
    }

    // Questions.
    /// Whether a task may be submitted without exceeding the capacity.
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool is_open() const noexcept { return !closed_; }
    /// Whether the worker was ready, and takes no task along if it is dead; `begun` as in `died`.
    [[nodiscard]] bool is_idle(worker_id worker, task_id begun) const;
    /// Whether a worker whose start was asked for is still to be started.
    [[nodiscard]] bool wants(worker_id worker) const;
    /// Closed, and no worker is left.
    [[nodiscard]] bool finished() const;
    [[nodiscard]] std::size_t running() const noexcept { return running_; }
    [[nodiscard]] std::size_t queued() const noexcept { return unfinished_.size() - running_; }
    /// How many tasks are under way to the worker, the one that it runs included.
    [[nodiscard]] std::size_t under_way_to(worker_id worker) const;
    /// The worker that the task is under way to; 0 if to none.
    [[nodiscard]] worker_id holder_of(task_id task) const;

private:
    struct place;
    /// A task that is not complete.
    struct unfinished_task {
        task_traits traits;
        place* holder = nullptr;               // the worker that it is under way to
        std::uint32_t attempts = 0;            // that have come to nothing
        bool judged = false;                   // has a result, which may not be the last
        std::optional<action::failure> doom{}; // it is being stopped, and this is what it will be called
    };
    /// A place for a worker.
    struct place {
        enum class state { vacant, starting, ready, leaving };
        state now = state::vacant;
        worker_id worker = 0;
        std::deque<task_id> under_way{}; // sent to it, and no result has arrived
        std::size_t window = 0;          // how many it may have under way
        std::size_t finished = 0;        // results that have arrived since actions were taken
        std::size_t given = 0;           // tasks that this worker has got
        std::size_t failed_starts = 0;   // in a row, in this place
        task_id last_finished = 0;
        task_id overdue = 0; // it is to be stopped if it still runs when all else has been taken back
        bool nothing_to_take_back = false;
        bool settling = false; // somebody may have to be stopped: it gets nothing until that is known
        bool stopping = false; // its task is being stopped: it gets no further ones
        bool retiring = false;
        bool has_changed = false; // since actions were taken
    };
    /// What decisions look at, kept by `changed`; in all places, where it is close together, when one of them
    /// is to give tasks back.
    struct summary {
        static constexpr std::uint32_t full = UINT32_MAX;
        std::uint32_t load = full;  // how many it has under way; `full` when it may get no more
        std::uint32_t takeable = 0; // how many it has under way, if some may be taken back
        bool is_running = false;
    };

    [[nodiscard]] place* find(worker_id worker) const;
    void enter(place& slot, place::state next);
    void note(place& slot);
    void changed(place& slot);
    [[nodiscard]] std::size_t room_at(const place& slot) const;
    void adapt_window(place& slot) const;
    static std::optional<task_id> victim(const place& slot, task_id begun);
    [[nodiscard]] static std::chrono::nanoseconds doubled(std::chrono::nanoseconds first, std::size_t times);
    void start(place& slot, std::chrono::nanoseconds after);
    void front_changed(const place& slot);
    void take_back_all(place& slot);
    void stop_front(place& slot, action::failure reason);
    void put_back(const std::deque<task_id>& tasks);
    void came_to_nothing(task_id id, action::failure reason);
    void fail(task_id id, action::failure reason);
    void forget_those_that_wait_no_more();
    void advance();
    void hand_out();
    void take_back_for_idle_workers();
    void dismiss_if_done(place& slot);
    void fail_all(action::failure reason);

    const schedule_options options_;
    std::vector<place> slots_; // their number and addresses stay
    std::vector<summary> summaries_;
    places_with_room with_room_;   // as their summaries say
    std::size_t with_several_ = 0; // places from which tasks may be taken back, of more than one
    std::size_t vacant_;           // places, of all
    std::size_t working_ = 0;      // those whose workers are ready, or leave
    std::vector<place*> changed_;  // since actions were taken
    boost::unordered_flat_map<worker_id, place*> places_;
    std::deque<task_id> waiting_; // those that are not unfinished any more are passed over
    task_table<unfinished_task> unfinished_;
    std::size_t running_ = 0; // places with something under way
    worker_id last_worker_ = 0;
    std::size_t failed_starts_ = 0; // in a row, in all places
    bool has_timeouts_ = false;     // some tasks may have one
    bool closed_ = false;
    bool terminated_ = false;
    bool given_up_ = false; // no slot has a worker, or will ever have
    bool has_news_ = false; // something has happened since actions were taken
    std::vector<any_action> actions_;
    std::vector<any_action> taken_; // in turn with the former, to use their memory again
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
