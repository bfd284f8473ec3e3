// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/chronicle.hpp"

#include "start/log.hpp"

namespace multiprocessing::detail {
namespace {

std::string text_of(const chronicle::task_label& task) {
    return "task " + std::to_string(task.number) + " (" + task.function.text() + ")";
}
std::string text_of(const chronicle::worker_label& worker) {
    return "worker " + std::to_string(worker.pid);
}

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

} // namespace

void chronicle::tell_queued(const task_label& task) {
    note(log_level::debug, [&] { return text_of(task) + " is queued"; });
}

void chronicle::tell_sent(const task_label& task, const worker_label& worker) {
    note(log_level::debug, [&] { return text_of(task) + " is sent to " + text_of(worker); });
}

void chronicle::tell_done(const task_label& task) {
    note(log_level::debug, [&] { return text_of(task) + " is done"; });
}

void chronicle::failed(const task_label& task, const std::exception_ptr& error) {
    ++counts_.failed;
    note(log_level::debug, [&] { return text_of(task) + " failed: " + first_line_of(error); });
}

void chronicle::retried(const task_label& task, std::size_t attempts, std::chrono::nanoseconds rest) {
    ++counts_.retries;
    note(log_level::debug, [&] {
        const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(rest);
        return text_of(task) + " is tried again in " + std::to_string(milliseconds.count()) +
               " ms, attempt " + std::to_string(attempts);
    });
}

void chronicle::taken_back(const worker_label& worker, std::size_t tasks) {
    if (tasks == 0) {
        return;
    }
    note(log_level::debug, [&] {
        return std::to_string(tasks) + " tasks that it has not begun are taken back from " + text_of(worker);
    });
}

void chronicle::worker_ready(const worker_label& worker) {
    note(log_level::debug, [&] { return text_of(worker) + " is ready"; });
}

pool_stats chronicle::stats() const {
    auto result = counts_;
    result.latency = {.p50 = latencies_.percentile(0.5),
                      .p90 = latencies_.percentile(0.9),
                      .p99 = latencies_.percentile(0.99),
                      .p999 = latencies_.percentile(0.999)};
    return result;
}

} // namespace multiprocessing::detail
