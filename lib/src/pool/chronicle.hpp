// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/death.hpp"
#include "pool/latencies.hpp"
#include "pool/schedule.hpp"
#include "pool/trace.hpp"
#include "pool/wording.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/detail/wait_limit.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/log.hpp>
#include <multiprocessing/pool_options.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace multiprocessing::detail {

/// What happens in a pool, for people: counted, timed, told in the log, one line an event, and traced, if
/// that is wanted. The pool says what has happened, under its lock; nothing here has an effect on it.
class chronicle {
public:
    /// A task, for people.
    struct task_label {
        std::uint64_t number;
        const function_name& function;
    };
    /// A worker, for people.
    struct worker_label {
        worker_id id;
        long pid;
    };

    /// Throws `resource_error` when a trace is wanted, and cannot be written. The words must outlive it.
    chronicle(const pool_options& options, const wording& words);

    /// When that was, if the task is one of those that are timed; else `steady_time::min()`.
    [[nodiscard]] steady_time queued(const task_label& task) {
        if (is_told()) {
            tell_queued(task);
        }
        return sample_.has(task.number) ? std::chrono::steady_clock::now() : steady_time::min();
    }
    void sent(const task_label& task, const worker_label& worker) {
        if (is_told()) {
            tell_sent(task, worker);
        }
    }
    /// It has its outcome, an exception of its own perhaps; `queued` is what the function of that name said.
    void done(const task_label& task, steady_time queued) {
        ++counts_.done;
        if (queued != steady_time::min()) {
            latencies_.add(std::chrono::steady_clock::now() - queued, timed_sample::weight(task.number));
        }
        if (is_told()) {
            tell_done(task);
        }
    }
    /// It has an error of the library for its outcome.
    void failed(const task_label& task, const std::exception_ptr& error);
    /// It rests before its next attempt.
    void retried(const task_label& task, std::size_t attempts, std::chrono::nanoseconds rest);
    /// Tasks that it has not begun go back to the queue.
    void taken_back(const worker_label& worker, std::size_t tasks);

    /// A worker is to be started in place of another.
    void replaced() { ++counts_.restarts; }
    void worker_started(const worker_label& worker);
    void worker_ready(const worker_label& worker);
    /// With that task, if it had one. `begun` is the number of the one that it began last, which may have
    /// failed since then because the pool was terminated.
    void worker_ended(const worker_label& worker, const death& how, const std::optional<task_label>& task,
                      std::uint64_t begun);
    /// What a worker says of when it ran a task; only where that `is_traced`.
    void ran(const worker_label& worker, const task_label& task, const running_times& times);
    /// How many tasks are queued, and how many workers have one, from now on.
    void counts(std::size_t queued, std::size_t running) noexcept {
        traced([&](trace& to) { to.counts(queued, running); });
    }
    /// Whether the trace should be written soon.
    [[nodiscard]] bool has_much_to_write() const noexcept { return trace_ && trace_->has_much(); }
    /// What of the trace is to be written; mostly nothing.
    [[nodiscard]] std::string take_unwritten() noexcept {
        return trace_ ? trace_->take_unwritten() : std::string();
    }
    /// Writes that, without the lock; then what came of it is to be told, with it.
    [[nodiscard]] std::error_code write(std::string_view told) noexcept { return trace_->write(told); }
    void written(const std::error_code& failure) noexcept;
    /// The pool has ended.
    void finish() noexcept {
        traced([](trace& to) { to.finish(); });
    }

    /// But for what is queued and running.
    [[nodiscard]] pool_stats stats() const;

private:
    [[nodiscard]] bool is_told() const noexcept { return trace_ || is_logged(log_level::debug); }
    [[nodiscard]] std::string text_of(const task_label& task) const;
    [[nodiscard]] std::string text_of(const worker_label& worker) const;
    void tell_queued(const task_label& task);
    void tell_sent(const task_label& task, const worker_label& worker);
    void tell_done(const task_label& task);

    /// What goes wrong there, for want of memory, ends the trace, and is nobody else's trouble. The trace
    /// stays: it may be written at that moment.
    template <class Tell>
    void traced(const Tell& tell) noexcept {
        if (trace_) {
            try {
                tell(*trace_);
            } catch (...) {
                trace_->end_here("there is no memory for it");
            }
        }
    }

    pool_stats counts_;
    latencies latencies_;
    timed_sample sample_;
    std::optional<trace> trace_; // empty: not wanted
    const std::string name_of_workers_;
    const wording& words_;
};

} // namespace multiprocessing::detail
