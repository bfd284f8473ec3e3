// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/checks.hpp"

#include <multiprocessing/error.hpp>

#include <chrono>
#include <stdexcept>
#include <string>

namespace multiprocessing::detail {

void check(bool sound, const char* who, const char* otherwise) {
    if (!sound) {
        throw std::invalid_argument(std::string(who) + ": " + otherwise);
    }
}

void check_options(const pool_options& options, const char* who) {
    check(options.task_queue_capacity != 0, who, "the task queue needs room for at least one task");
    check(options.task_timeout.count() >= 0, who, "a task_timeout cannot be negative");
    check(options.retry_back_off.count() >= 0, who, "a retry_back_off cannot be negative");
    check(!options.stop_grace || options.stop_grace->count() >= 0, who, "a stop_grace cannot be negative");
}

void check_options(const task_options& options, const char* who) {
    check(!options.timeout || options.timeout->count() > 0, who, "a task's timeout has to be positive");
    check(!options.stop_grace || options.stop_grace->count() >= 0, who, "a stop_grace cannot be negative");
}

void refuse_if_stopped(const task_options& options) {
    if (options.stop.stop_requested()) {
        throw wait_stopped("a call was asked to stop before its task was submitted");
    }
}

void throw_no_room() {
    throw wait_stopped("a wait for room in a task queue was asked to stop");
}

} // namespace multiprocessing::detail
