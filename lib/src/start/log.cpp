// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "start/log.hpp"

#include "os/copy.hpp"
#include "os/pipe.hpp"
#include "os/terminal.hpp"

#include <multiprocessing/context.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

namespace multiprocessing {

constinit std::atomic<log_level> detail::least_logged{log_level::off};

namespace {

constexpr std::array<std::string_view, 5> names{"debug", "info", "warning", "error", "off"};

/// Of a copy of this process it is a new one, which has no sink.
class sink_of_process {
public:
    void set(log_sink sink) {
        auto next = sink ? std::make_shared<const log_sink>(std::move(sink)) : nullptr;
        const std::lock_guard lock(mutex_);
        sink_.swap(next); // the old one is destroyed without the lock
    }
    [[nodiscard]] std::shared_ptr<const log_sink> get() const {
        const std::lock_guard lock(mutex_);
        return sink_;
    }

private:
    mutable std::mutex mutex_; // guards what follows
    std::shared_ptr<const log_sink> sink_;
};

/// Of all threads: those that a task has started are its own.
constinit std::atomic<std::uint64_t> running_task{0};

sink_of_process& current_sink() {
    return os::one_per_process<sink_of_process>();
}

void write_line(const log_record& record) {
    auto line = "[" + std::string(to_string(record.level)) + " ";
    line.append(record.process).append(" ").append(std::to_string(record.pid));
    if (record.task != 0) {
        line.append(" task ").append(std::to_string(record.task));
    }
    line.append("] ");
    line.append(record.text).append("\n");
    line.insert(0, os::over_drawn_line(os::standard_error, line));
    os::write_at_once(os::standard_error, line);
}

} // namespace

std::string_view to_string(log_level level) noexcept {
    const auto index = static_cast<std::size_t>(level);
    return index < names.size() ? names[index] : "unknown";
}

void set_log_level(log_level least) noexcept {
    detail::least_logged.store(least, std::memory_order_relaxed);
}

void set_log_sink(log_sink sink) {
    current_sink().set(std::move(sink));
}

void log_to_stderr(log_level least) {
    set_log_sink({});
    set_log_level(least);
}

void log(log_level level, std::string_view text) noexcept {
    if (!is_logged(level)) {
        return;
    }
    try {
        const auto self = current_process();
        const log_record record{.level = level,
                                .pid = self.pid(),
                                .process = self.name(),
                                .text = text,
                                .task = running_task.load(std::memory_order_relaxed)};
        if (const auto sink = current_sink().get()) {
            (*sink)(record);
        } else {
            write_line(record);
        }
    } catch (...) { // the sink's, or no memory
    }
}

detail::logs_of_task::logs_of_task(std::uint64_t number) noexcept {
    running_task.store(number, std::memory_order_relaxed);
}

detail::logs_of_task::~logs_of_task() {
    running_task.store(0, std::memory_order_relaxed);
}

void detail::heed_log_variable() {
    constexpr const char* variable = "MULTIPROCESSING_LOG";
    const char* wanted = std::getenv(variable);
    if (wanted == nullptr) {
        return;
    }
    const auto found = std::ranges::find(names, std::string_view(wanted));
    if (found != names.end()) {
        set_log_level(static_cast<log_level>(found - names.begin()));
    } else {
        set_log_level(log_level::warning);
        log(log_level::warning,
            std::string(variable) + " is none of debug, info, warning, error, off: " + wanted);
    }
}

} // namespace multiprocessing
