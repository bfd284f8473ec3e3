// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/wait_limit.hpp>

#include <cstdint>
#include <string>
#include <unistd.h>
#include <utility>

/// File descriptors with an owner, and the few system calls on them that everybody needs.
namespace multiprocessing::os {

using detail::steady_time;
using detail::wait_limit;

/// Throws `resource_error` for `errno`; `doing` says what was being done and what may help.
[[gnu::visibility("default")]] [[noreturn]] void throw_errno(const std::string& doing);
/// The same for an error number that somebody else has kept.
[[gnu::visibility("default")]] [[noreturn]] void throw_refused(int error, const std::string& doing);

/// Owns a descriptor. Every descriptor of the library is close-on-exec.
class descriptor {
public:
    descriptor() = default;
    explicit descriptor(int fd) : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// The caller owns it now.
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Owns what the system has just made. A number that belongs to a standard stream, which this process must
/// have closed, is exchanged for another: a child's streams are not to be the library's descriptors. Empty
/// for -1, and when there is no other number.
descriptor new_descriptor(int fd);

void set_close_on_exec(int fd);

/// Waits until `fd` is readable or the limit has come; whether it is readable. Signals do not end the wait.
[[gnu::visibility("default")]] bool wait_readable(int fd, const wait_limit& limit);

/// Waits until something can be written to `fd`, or nothing ever will, or the limit has come; whether it has
/// not.
bool wait_writable(int fd, const wait_limit& limit = steady_time::max());

/// Another number for what is behind `fd`. Throws `resource_error`.
descriptor duplicate(int fd);

/// Says that this process uses the file behind `fd`, open for reading and writing, until it closes it or
/// dies. Users may number themselves.
void announce_use(int fd, std::uint32_t user = 0);
/// Whether another has said so with that number.
[[nodiscard]] bool is_used_by(int fd, std::uint32_t user) noexcept;
/// Takes that back; whether no other process uses it.
bool was_last_user(int fd) noexcept;
/// The number of the file behind `fd`, which it keeps when it has no name any more.
[[nodiscard]] std::uint64_t file_number(int fd);
/// Whether any process has said that it uses the file of that number; also if that cannot be found out.
[[nodiscard]] bool is_used(std::uint64_t file_number);

/// An event that one process sets once and for all, and others see: an eventfd.
[[gnu::visibility("default")]] descriptor make_flag();
[[gnu::visibility("default")]] void set_flag(int fd);
bool flag_is_set(int fd);
/// Takes the flag back.
[[gnu::visibility("default")]] void clear_flag(int fd);

} // namespace multiprocessing::os
