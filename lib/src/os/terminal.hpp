// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"

#include <cstddef>
#include <optional>
#include <string_view>

/// What there is to know about a terminal. No mode of it is ever changed.
namespace multiprocessing::os {

/// Whether `fd` leads to a terminal on which a line can be written over.
[[nodiscard]] bool is_capable_terminal(int fd) noexcept;
/// How wide it is now; empty when it does not know, or is none.
[[nodiscard]] std::optional<std::size_t> columns_of(int fd) noexcept;

/// While one exists, the last line on that terminal is drawn again and again. A Ctrl-C that ends the program,
/// as it does where nothing else was said about SIGINT, ends the line first, so that what comes next has a
/// line of its own.
class drawn_line {
public:
    explicit drawn_line(int fd);
    ~drawn_line();
    drawn_line(const drawn_line&) = delete;
    drawn_line& operator=(const drawn_line&) = delete;

    /// What has to be in front of the line, which is to be drawn now: it takes the place of what was drawn
    /// before, and not of a text whose line is not at its end.
    [[nodiscard]] std::string_view before_drawing();

private:
    const maker maker_;
    const int fd_;
};

/// What has to be in front of a text, which is to be written now, so that it takes the place of a line that
/// this process draws there, and that is drawn below it then; empty where none stands there.
[[nodiscard]] std::string_view over_drawn_line(int fd, std::string_view text);

} // namespace multiprocessing::os
