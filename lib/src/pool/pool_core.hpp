// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"
#include "os/event_set.hpp"
#include "os/spin.hpp"
#include "pool/after_attempt.hpp"
#include "pool/chronicle.hpp"
#include "pool/death.hpp"
#include "pool/schedule.hpp"
#include "pool/stderr_relay.hpp"
#include "pool/worker.hpp"
#include "wire/shared_heap.hpp"

#include <multiprocessing/pool.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#pragma GCC visibility push(default) // for our other libraries

namespace multiprocessing::detail {

/// A task that is not complete.
struct task {
    task() noexcept {} // NOLINT: as in `bytes`, of which this has some

    call function{};
    std::shared_ptr<detail::completion> completion;
    std::size_t part = 0;
    std::uint64_t number = 0;                    // among all that were submitted, for people
    std::unique_ptr<retry_predicate> retry_if{}; // if it is not the pool's
    std::chrono::nanoseconds timeout{0};
    std::size_t attempts = 1;
    steady_time queued = steady_time::min(); // min: it is not timed
    bool is_captured = false;
};

/// Who they are, for people.
[[nodiscard]] inline chronicle::task_label label(const task& which) noexcept {
    return {which.number, which.function.function};
}
[[nodiscard]] inline chronicle::worker_label label(const worker& which) noexcept {
    return {which.id(), which.pid()};
}

/// A pool: the schedule, which decides, and what acts on it.
///
///      apply_async ---> task queue ---> dispatcher ---> channel ======> worker
///      (any thread)     (schedule)      (perform)                         |
///                                                                         |
///      future <--- completion <--- collector <--- channel <===============+
///                                  (supervisor, helpers)
///
/// A task is handed to a worker by the thread that submits it, or by whoever makes room. The supervisor is
/// one thread that sleeps in one place: it collects results, notices deaths, looks at the clock, starts and
/// ends workers. Threads that wait for a task, or submit many, collect results as well, instead of having it
/// woken. `terminate` and `join` before destruction.
class pool_core final : public task_runner {
public:
    explicit pool_core(const pool_options& options, wording words = {});

    bool submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                const task_options& options, when_full then) override;
    bool cancel(std::uint64_t task) override;
    void wait_for(std::uint64_t task, const completion& waited) override;
    void set_initializer(call initializer) override;
    void close() override;
    void terminate() override;
    bool join(const wait_limit& limit) override;
    /// Complete once all workers have ended. Throws `std::logic_error` unless `close` or `terminate` was
    /// called before.
    [[nodiscard]] const std::shared_ptr<completion>& end();
    [[nodiscard]] std::size_t size() const noexcept override { return options_.processes; }
    [[nodiscard]] std::size_t in_flight() const noexcept override;
    [[nodiscard]] memory_source& memory_for_tasks() noexcept override { return heap_; }
    [[nodiscard]] std::vector<long> pids() const;
    [[nodiscard]] pool_stats stats() const override;
    [[nodiscard]] bool is_made_here() const noexcept override { return maker_.is_this_process(); }

private:
    struct pending_start {
        worker_id worker;
        steady_time due;
    };
    using lock = std::unique_lock<std::mutex>;

    // Under the lock: the dispatcher.
    void perform();
    void perform(const action::start_worker& start);
    void perform(const action::send_task& send);
    void send_gathered();
    void perform(const action::take_back& take);
    void perform(const action::start_timer& timer);
    void perform(const action::request_stop& request);
    void perform(const action::dismiss_worker& dismiss);
    void perform(const action::end_worker& end);
    void perform(const action::spare_worker& spare);
    void perform(const action::rest_task& rest);
    void perform(const action::fail_task& failed);
    bool cancel_start(worker_id worker);
    void complete(task_id id, payload&& outcome);
    void complete_with_error(task_id id, std::exception_ptr error);
    void finish(task_id id, task& finished);
    [[nodiscard]] std::exception_ptr error_for(task_id id, action::failure reason);
    worker* find(worker_id id);
    void look_around(lock& held);
    void wait_for_room(lock& held, const std::stop_token& stop);
    [[nodiscard]] std::optional<int> free_cpu() const;
    void judge(lock& held);
    void deliver(lock& held);
    void deliver_as_helper(lock& held);
    template <class Complete>
    void complete_futures(lock& held, const Complete& complete);
    void wake_supervisor() noexcept;
    void due_at(steady_time time) noexcept;
    void ask_to_end(worker& ended, steady_time now);
    void give_up(worker& lost, const std::exception& why);
    void kill(worker& killed) noexcept;

    // The supervisor's thread; collecting also those that wait and submit.
    void supervise();
    void collect();
    std::size_t collect_from(worker& from);
    void handle(worker& from, frame&& received);
    bool take_result(worker& from, frame&& result);
    bool take_printed(worker& from, const frame& printed);
    bool take_times(worker& from, const frame& times);
    void start_due_workers(lock& held);
    void insert(std::unique_ptr<worker> started);
    void prepare(worker& each);
    void watch(worker& started);
    void stop_watching(worker& ended) noexcept;
    void write_trace(lock& held);
    void sleep(lock& held);
    [[nodiscard]] bool others_look() const noexcept;
    [[nodiscard]] std::span<const os::event_set::tag> take_naps(bool is_held_up, steady_time deadline);
    void answer(lock& held, os::event_set::tag event);
    void look_at_socket(worker& caller);
    void has_ended(lock& held, worker& ended);
    void bury(lock& held, worker_id id);
    void look_at_the_clock(lock& held);
    [[nodiscard]] steady_time next_due() const;

    const os::maker maker_;
    const pool_options options_;
    const worker_settings settings_;
    shared_heap heap_;          // for large arguments
    const os::descriptor wake_; // a flag: the supervisor has something to do besides workers
    os::event_set events_;      // what the supervisor waits for
    stderr_relay relay_;

    std::atomic<bool> others_looked_{false};     // at all workers, since the supervisor went to rest
    std::atomic<std::size_t> others_looking_{0}; // threads, again and again until there is room

    mutable std::mutex mutex_; // guards all below but the thread
    std::condition_variable_any room_;
    std::size_t waiting_for_room_ = 0; // threads
    std::size_t submitted_since_look_ = 0;
    schedule schedule_;
    task_ids ids_;
    std::uint64_t submitted_ = 0;
    task_table<task> tasks_;
    std::map<worker_id, std::unique_ptr<worker>> workers_; // inserted and erased by the supervisor only
    std::vector<pending_start> starts_;
    resting_tasks resting_;
    std::vector<doubt> doubts_;
    std::vector<worker*> receivers_; // of tasks that have been gathered, while actions are performed
    std::vector<worker_id> callers_; // have rung, and may have sent more since somebody looked
    std::vector<worker_id> busy_;    // send so much that they are looked after without having to ring
    std::optional<call> initializer_;
    std::vector<finished_task> finished_;
    os::spin spin_; // of those who wait for tasks
    bool terminated_ = false;
    bool tasks_came_ = false;                                  // since the supervisor last went to sleep
    steady_time at_rest_ = steady_time::max();                 // then it has had nothing to do for a while
    steady_time due_ = steady_time::min();                     // nothing is due before
    steady_time asleep_until_ = steady_time::min();            // min: the supervisor is awake
    steady_time last_look_ = std::chrono::steady_clock::now(); // at all workers
    chronicle chronicle_;
    death dead_; // the worker that is being buried, or could not be started

    const std::shared_ptr<completion> end_ = std::make_shared<completion>();
    std::mutex joining_;
    std::thread supervisor_; // joined under `joining_`
};

/// Throws what the constructor of `pool` throws.
std::shared_ptr<pool_core> start_pool(const pool_options& options, wording words = {});
/// Terminates and joins it; keeps it for ever in a copy of the process that made it.
void end_pool(const std::shared_ptr<task_runner>& pool) noexcept;

} // namespace multiprocessing::detail

#pragma GCC visibility pop
