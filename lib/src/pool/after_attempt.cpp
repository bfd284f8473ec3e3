// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/after_attempt.hpp"

#include "child/outcome.hpp"

#include <multiprocessing/error.hpp>

namespace multiprocessing::detail {

bool is_to_be_tried_again(const doubt& asked) noexcept {
    try {
        return asked.again(exception_in(asked.outcome.bytes()));
    } catch (...) {
        return false;
    }
}

std::exception_ptr error_of_terminated(const wording& words) {
    return std::make_exception_ptr(
        pool_terminated("the " + words.pool + " was terminated before the " + words.task + " was complete"));
}

std::exception_ptr error_of_cancelled(const std::string& function) {
    return std::make_exception_ptr(task_cancelled(function + " was cancelled"));
}

std::string last_of(std::size_t attempts) {
    return attempts == 1 ? "" : " (the last of " + std::to_string(attempts) + " attempts)";
}

} // namespace multiprocessing::detail
