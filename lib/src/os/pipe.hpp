// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <cstddef>
#include <limits.h>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

/// A pipe to or from a child, and this process's own stderr.
namespace multiprocessing::os {

inline constexpr int standard_error = STDERR_FILENO;

/// What a pipe takes in one piece, and takes at once when it says that it can be written to.
inline constexpr std::size_t largest_write = PIPE_BUF;

/// Which end of a pipe waits: the one that a child gets.
enum class waits : bool { reader, writer };
/// The reading end and the writing end. Throws `resource_error`.
std::pair<descriptor, descriptor> make_pipe(waits which = waits::writer);
/// How much a pipe holds at most.
[[nodiscard]] std::size_t pipe_capacity(int fd) noexcept;
/// Whether anybody can still read what is written to a pipe.
[[nodiscard]] bool has_reader(int fd) noexcept;

/// Reads what is there, and does not wait: how much that was, 0 at the end of the pipe, empty when nothing is
/// there now.
std::optional<std::size_t> read_some(int fd, std::span<char> content);

/// Whether `fd` would take `largest_write` now, or refuse it for ever.
bool is_writable(int fd);

/// Writes at most `largest_write`, to what `is_writable`. How much was taken; all of it when `fd` is closed
/// or nobody reads: nobody ever will.
std::size_t write_some(int fd, std::string_view content);

/// Writes all of it in one piece, as far as `fd` has it so: between pieces others may write. Waits while `fd`
/// takes nothing. What nobody will take is lost, without a signal.
void write_at_once(int fd, std::string_view content) noexcept;

} // namespace multiprocessing::os
