// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <pthread.h>

namespace multiprocessing::os {

/// A mutex in memory that processes share. When whoever holds it dies it is free again, and what it guards is
/// as that one left it. Not destroyed with its memory: others may still use it.
class robust_mutex {
public:
    /// Throws `resource_error`.
    robust_mutex();
    robust_mutex(const robust_mutex&) = delete;
    robust_mutex& operator=(const robust_mutex&) = delete;

    bool try_lock() noexcept;
    /// Whether it could be locked before the deadline.
    bool lock_until(steady_time deadline) noexcept;
    void unlock() noexcept;

private:
    bool locked(int result) noexcept;

    pthread_mutex_t mutex_;
};

} // namespace multiprocessing::os
