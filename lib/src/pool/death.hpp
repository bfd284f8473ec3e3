// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/schedule.hpp"
#include "pool/wording.hpp"

#include <multiprocessing/error.hpp>

#include <cstdint>
#include <string>

namespace multiprocessing::detail {

/// The end of a worker, or of the attempt to start one: what the errors of its tasks are made of.
struct death {
    long pid = 0;
    int exit_code = 0;
    std::string epitaph{}; ///< "worker 4711 was killed by SIGSEGV"
    worker_death details{};
    bool output_is_the_tasks = false; ///< `details.last_output`: not what the worker wrote before it, too
};

/// The error of the task that died with the worker. `attempts` says how many there were, where there was more
/// than one.
[[nodiscard]] worker_died error_of_running(death how, std::uint64_t task, std::string function,
                                           const std::string& attempts, const wording& words);
/// The error of a task for which there is no worker and will be none, after the last one has ended.
[[nodiscard]] worker_died error_of_waiting(death how, std::uint64_t task, std::string function,
                                           bool workers_are_replaced, const wording& words);

} // namespace multiprocessing::detail
