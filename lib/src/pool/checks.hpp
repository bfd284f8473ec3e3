// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/pool_options.hpp>

#pragma GCC visibility push(default) // for our other libraries

/// What is asked of a pool, of whichever kind, has to make sense.
namespace multiprocessing::detail {

/// Throws `std::invalid_argument`, whose what() begins with who was asked.
void check(bool sound, const char* who, const char* otherwise);
/// What all kinds of pools have in common.
void check_options(const pool_options& options, const char* who);
void check_options(const task_options& options, const char* who);
/// Throws `wait_stopped` for options that are asked to stop.
void refuse_if_stopped(const task_options& options);
/// Throws `wait_stopped`: there was no room for a task.
[[noreturn]] void throw_no_room();

} // namespace multiprocessing::detail

#pragma GCC visibility pop
