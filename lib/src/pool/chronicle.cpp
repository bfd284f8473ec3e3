// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/chronicle.hpp"

#include "start/log.hpp"

#include <multiprocessing/error.hpp>

#include <string_view>

namespace multiprocessing::detail {
namespace {

std::string first_line_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const std::exception& e) {
        const std::string text = e.what();
        return text.substr(0, text.find('\n'));
    } catch (...) {
        return "an exception";
    }
}

constexpr std::string_view terminated = "terminated";

/// What an error of the library is called in a trace.
std::string_view kind_of(const std::exception_ptr& error) {
    try {
        std::rethrow_exception(error);
    } catch (const task_timed_out&) {
        return "timed out";
    } catch (const task_cancelled&) {
        return "cancelled";
    } catch (const pool_terminated&) {
        return terminated;
    } catch (...) {
        return "failed";
    }
}

} // namespace

chronicle::chronicle(const pool_options& options, const wording& words)
    : name_of_workers_(options.worker_name), words_(words) {
    note(log_level::debug,
         [&] { return "makes " + words.a_pool + ", processes: " + std::to_string(options.processes); });
    if (!options.trace.empty()) {
        trace_.emplace(options.trace);
    }
}

std::string chronicle::text_of(const task_label& task) const {
    return words_.task + " " + std::to_string(task.number) + " (" + task.function.text() + ")";
}

std::string chronicle::text_of(const worker_label& worker) const {
    return words_.worker + " " + std::to_string(worker.pid);
}

void chronicle::tell_queued(const task_label& task) {
    note(log_level::debug, [&] { return text_of(task) + " is queued"; });
    traced([&](trace& to) { to.queued(task.number, task.function.text()); });
}

void chronicle::tell_sent(const task_label& task, const worker_label& worker) {
    note(log_level::debug, [&] { return text_of(task) + " is sent to " + text_of(worker); });
    traced([&](trace& to) { to.sent(task.number, worker.id); });
}

void chronicle::tell_done(const task_label& task) {
    note(log_level::debug, [&] { return text_of(task) + " is done"; });
    traced([&](trace& to) { to.done(task.number); });
}

void chronicle::failed(const task_label& task, const std::exception_ptr& error) {
    ++counts_.failed;
    note(log_level::debug, [&] { return text_of(task) + " failed: " + first_line_of(error); });
    traced([&](trace& to) {
        const auto what = kind_of(error);
        const auto function = task.function.text();
        to.happened(what, task.number, function, first_line_of(error));
        if (what == terminated) {
            to.terminated(task.number, function);
        } else {
            to.done(task.number);
        }
    });
}

void chronicle::retried(const task_label& task, std::size_t attempts, std::chrono::nanoseconds rest) {
    ++counts_.retries;
    const auto details = [&] {
        const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(rest);
        return "attempt " + std::to_string(attempts) + " in " + std::to_string(milliseconds.count()) + " ms";
    };
    note(log_level::debug, [&] { return text_of(task) + " is tried again: " + details(); });
    traced([&](trace& to) { to.happened("retried", task.number, task.function.text(), details()); });
}

void chronicle::taken_back(const worker_label& worker, std::size_t tasks) {
    if (tasks != 0) {
        note(log_level::debug,
             [&] { return text_of(worker) + " gives back what it has not begun: " + std::to_string(tasks); });
    }
}

void chronicle::worker_started(const worker_label& worker) {
    traced([&](trace& to) {
        const auto number = std::to_string(worker.id);
        to.worker_started(worker.id, worker.pid,
                          name_of_workers_.empty() ? "worker-" + number : name_of_workers_ + " " + number);
    });
}

void chronicle::worker_ready(const worker_label& worker) {
    note(log_level::debug, [&] { return text_of(worker) + " is ready"; });
}

void chronicle::worker_ended(const worker_label& worker, const death& how,
                             const std::optional<task_label>& task, std::uint64_t begun) {
    traced([&](trace& to) {
        auto running = to.terminated_at(worker.id, begun);
        if (task) {
            running = {task->number, task->function.text()};
        }
        to.worker_ended(worker.id, how.exit_code == 0 ? "ended" : "died", how.epitaph, running);
    });
}

void chronicle::ran(const worker_label& worker, const task_label& task, const running_times& times) {
    traced([&](trace& to) {
        to.ran(worker.id, task.number, task.function.text(), steady_time(times.begin),
               steady_time(times.end));
    });
}

void chronicle::written(const std::error_code& failure) noexcept {
    if (failure) {
        traced([&](trace& to) { to.end_here("its file cannot be written: " + failure.message()); });
    }
}

pool_stats chronicle::stats() const {
    auto result = counts_;
    result.latency = latencies_.summary();
    return result;
}

} // namespace multiprocessing::detail
