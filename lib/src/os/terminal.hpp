// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"

#include <cstddef>
#include <optional>

/// What there is to know about a terminal. No mode of it is ever changed.
namespace multiprocessing::os {

/// Whether `fd` leads to a terminal on which a line can be written over.
[[nodiscard]] bool is_capable_terminal(int fd) noexcept;
/// How wide it is now; empty when it does not know, or is none.
[[nodiscard]] std::optional<std::size_t> columns_of(int fd) noexcept;

/// While one exists, a Ctrl-C that ends the program, as it does where nothing else was said about SIGINT,
/// ends the line on that terminal first, so that what comes next has a line of its own.
class line_ended_by_interrupt {
public:
    explicit line_ended_by_interrupt(int fd);
    ~line_ended_by_interrupt();
    line_ended_by_interrupt(const line_ended_by_interrupt&) = delete;
    line_ended_by_interrupt& operator=(const line_ended_by_interrupt&) = delete;

private:
    const maker maker_;
    const int fd_;
};

} // namespace multiprocessing::os
