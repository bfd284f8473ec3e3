// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <csignal>
#include <cstddef>
#include <poll.h>
#include <vector>

namespace multiprocessing::os {

/// Descriptors to wait for together.
class poll_set {
public:
    /// Returns an index to ask with.
    [[gnu::visibility("default")]] std::size_t add(int fd);
    /// The same, for a descriptor that is to be written to.
    std::size_t add_writer(int fd);
    /// Waits until one is readable (writable), or its other end is closed, or the limit has come; how many
    /// are. Signals do not end the wait. A stop token takes a descriptor meanwhile.
    [[gnu::visibility("default")]] std::size_t wait(const wait_limit& limit);
    [[nodiscard]] bool is_readable(std::size_t index) const { return entries_[index].revents != 0; }

private:
    std::size_t wait_until(steady_time deadline);
    std::size_t look_one_by_one();

    std::vector<pollfd> entries_;
};

/// Keeps signals from the calling thread, and from threads it starts, during its lifetime.
class signals_blocked {
public:
    [[gnu::visibility("default")]] signals_blocked();
    [[gnu::visibility("default")]] ~signals_blocked();
    signals_blocked(const signals_blocked&) = delete;
    signals_blocked& operator=(const signals_blocked&) = delete;

private:
    sigset_t before_;
};

} // namespace multiprocessing::os
