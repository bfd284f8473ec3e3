// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <sys/epoll.h>

namespace multiprocessing::os {

/// Descriptors to wait for together, again and again: what a wait costs does not grow with their number, as
/// it does with a poll_set. An epoll.
class event_set {
public:
    using tag = std::uint64_t;

    /// Throws `resource_error`, as `add` does.
    event_set();
    /// From now on a wait tells `name` while `fd` is readable, or its other end is closed.
    void add(int fd, tag name);
    /// The same, but only once for each time that something was written to `fd`: it need not be read.
    void add_bell(int fd, tag name);
    /// Nothing to do when it is not there.
    void remove(int fd) noexcept;

    /// Readable when a wait would have something to tell.
    [[nodiscard]] int get() const noexcept { return epoll_.get(); }
    /// Waits until there is something, or the deadline has passed; the names of some of those that are ready,
    /// all of them when there are few. Signals do not end the wait.
    std::span<const tag> wait(steady_time deadline);

private:
    void add(int fd, tag name, std::uint32_t events);

    static constexpr std::size_t most_at_once = 64;
    descriptor epoll_;
    std::array<tag, most_at_once> ready_{};
};

} // namespace multiprocessing::os
