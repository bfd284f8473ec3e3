// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/task_table.hpp"
#include "pool/wording.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/detail/wait_limit.hpp>
#include <multiprocessing/pool_options.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#pragma GCC visibility push(default) // for our other libraries

/// What follows an attempt at a task, wherever it was made.
namespace multiprocessing::detail {

/// A task that has its outcome, which nobody knows yet: to tell may run a user's function, and so is done
/// when no lock is held.
struct finished_task {
    std::shared_ptr<detail::completion> completion;
    std::vector<std::shared_ptr<const void>> kept; // for its arguments: destroying that may take long
};

/// An exception that may be a reason to try its task again: the user's function decides, without a lock.
struct doubt {
    task_id task;
    payload outcome;
    retry_predicate again;
};
/// Whether it says yes. One that throws says no.
[[nodiscard]] bool is_to_be_tried_again(const doubt& asked) noexcept;

/// Tasks that wait for their next attempt. Not thread-safe.
class resting_tasks {
public:
    /// Returns when it is due.
    steady_time add(task_id task, std::chrono::nanoseconds after) {
        return tasks_.emplace_back(task, deadline_after(after)).due;
    }
    /// Tells of those that are due, and forgets them.
    template <class Tell>
    void wake(steady_time now, const Tell& tell) {
        std::erase_if(tasks_, [&](const auto& each) {
            const bool is_due = each.due <= now;
            if (is_due) {
                tell(each.task);
            }
            return is_due;
        });
    }
    /// When the next one is, if any.
    [[nodiscard]] steady_time next_due() const noexcept {
        auto earliest = steady_time::max();
        for (const auto& each : tasks_) {
            earliest = std::min(earliest, each.due);
        }
        return earliest;
    }

private:
    struct resting {
        resting(task_id which, steady_time when) : task(which), due(when) {}
        task_id task;
        steady_time due;
    };
    std::vector<resting> tasks_;
};

// Errors of tasks that no worker is to blame for.

[[nodiscard]] std::exception_ptr error_of_terminated(const wording& words);
[[nodiscard]] std::exception_ptr error_of_cancelled(const std::string& function);
/// What errors say of how often it was tried, to be appended: nothing where that was once.
[[nodiscard]] std::string last_of(std::size_t attempts);

} // namespace multiprocessing::detail

#pragma GCC visibility pop
