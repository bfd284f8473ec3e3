// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/terminal.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace multiprocessing::os {
namespace {

struct drawn_lines {
    std::mutex mutex; // guards what follows
    std::vector<int> descriptors;
    bool is_drawn = false;     // what was written last is a line of these
    bool text_goes_on = false; // what was written last is a text whose line is not at its end
};

std::atomic<int> interrupted_terminal{-1};

/// Runs once, since its disposition is reset; then the signal comes again, and does what it always did.
void end_line(int number) {
    const int before = errno;
    (void)!::write(interrupted_terminal.load(), "\n", 1);
    (void)::raise(number);
    errno = before;
}

bool does(const struct sigaction& action, void (*handler)(int)) noexcept {
    return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == handler;
}

/// Sets the handler if the present one is as expected: what the program has set itself is its own.
void replace_handler(void (*expected)(int), void (*next)(int)) noexcept {
    struct sigaction now {};
    if (::sigaction(SIGINT, nullptr, &now) == 0 && does(now, expected)) {
        struct sigaction wanted {};
        wanted.sa_handler = next;
        wanted.sa_flags = next == SIG_DFL ? 0 : static_cast<int>(SA_RESETHAND);
        ::sigaction(SIGINT, &wanted, nullptr);
    }
}

} // namespace

bool is_capable_terminal(int fd) noexcept {
    const char* kind = std::getenv("TERM");
    return ::isatty(fd) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::optional<std::size_t> columns_of(int fd) noexcept {
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? std::optional<std::size_t>(size.ws_col)
                                                                   : std::nullopt;
}

drawn_line::drawn_line(int fd) : fd_(fd) {
    auto& lines = one_per_process<drawn_lines>();
    const std::lock_guard lock(lines.mutex);
    lines.descriptors.push_back(fd);
    interrupted_terminal = fd;
    replace_handler(SIG_DFL, &end_line);
}

drawn_line::~drawn_line() {
    auto& lines = one_per_process<drawn_lines>();
    const std::lock_guard lock(lines.mutex);
    if (maker_.is_this_process()) { // a copy's own lines are others
        lines.descriptors.erase(std::ranges::find(lines.descriptors, fd_));
    }
    if (lines.descriptors.empty()) {
        replace_handler(&end_line, SIG_DFL);
    } else {
        interrupted_terminal = lines.descriptors.back();
    }
}

std::string_view drawn_line::before_drawing() {
    auto& lines = one_per_process<drawn_lines>();
    const std::lock_guard lock(lines.mutex);
    lines.is_drawn = true;
    return std::exchange(lines.text_goes_on, false) ? "\n" : "\r";
}

std::string_view over_drawn_line(int fd, std::string_view text) {
    auto& lines = one_per_process<drawn_lines>();
    const std::lock_guard lock(lines.mutex);
    if (text.empty() || std::ranges::find(lines.descriptors, fd) == lines.descriptors.end()) {
        return "";
    }
    lines.text_goes_on = !text.ends_with('\n');
    return std::exchange(lines.is_drawn, false) ? "\r\x1b[K" : "";
}

} // namespace multiprocessing::os
