// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/death.hpp"

#include <utility>

namespace multiprocessing::detail {
namespace {

std::string in_units(std::size_t bytes) {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    return bytes < mebibyte ? std::to_string(bytes / 1024) + " KiB"
                            : std::to_string(bytes / mebibyte) + " MiB";
}

worker_died make_error(death how, task_id task, std::string function, std::string text) {
    auto& details = how.details;
    details.task = task;
    details.function = std::move(function);
    text += "\n  task " + std::to_string(task);
    if (details.core_dumped) {
        text += ", core dumped";
    }
    if (details.peak_memory) {
        text += ", peak memory " + in_units(*details.peak_memory);
    }
    return {how.pid, how.exit_code, text, std::move(details)};
}

} // namespace

worker_died error_of_running(death how, task_id task, std::string function) {
    auto first_line = how.epitaph + " while running " + function;
    return make_error(std::move(how), task, std::move(function), std::move(first_line));
}

worker_died error_of_waiting(death how, task_id task, std::string function) {
    auto first_line = "no worker can be started, the pool has given up: " + how.epitaph;
    return make_error(std::move(how), task, std::move(function), std::move(first_line));
}

} // namespace multiprocessing::detail
