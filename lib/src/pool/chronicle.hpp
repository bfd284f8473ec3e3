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
    /// With that task, if it had one.
    void worker_ended(const worker_label& worker, const death& how, const std::optional<task_label>& task);
    /// What a worker says of when it ran a task; only where that `is_traced`.
    void ran(const worker_label& worker, const task_label& task, const running_times& times);
    /// How many tasks are queued, and how many workers have one, from now on.
    void counts(std::size_t queued, std::size_t running) noexcept {
        traced([&](trace& to) { to.counts(queued, running); });
    }
    /// The pool has a moment for what takes longer.
    void rest() noexcept {
        traced([](trace& to) { to.write(); });
    }
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

    /// What goes wrong there, for want of memory, ends the trace, and is nobody else's trouble.
    template <class Tell>
    void traced(const Tell& tell) noexcept {
        if (trace_) {
            try {
                tell(*trace_);
            } catch (...) {
                trace_.reset();
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
