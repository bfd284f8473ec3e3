// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <pthread.h>

namespace multiprocessing::os {

/// What came of trying to lock a mutex.
enum class lock_result {
    locked,
    inherited,  ///< locked, and whoever had it died with it
    not_locked, ///< somebody else has it
    held,       ///< this thread has it already, and is not to have it twice
    refused     ///< it is no mutex any more: somebody has written over it
};
[[nodiscard]] inline bool is_locked(lock_result result) noexcept {
    return result == lock_result::locked || result == lock_result::inherited;
}

/// A mutex in memory that processes share. When whoever holds it dies it is free again, and what it guards is
/// as that one left it. Not destroyed with its memory: others may still use it. The memory stays where it is
/// mapped as long as a thread of this process holds the mutex.
class robust_mutex {
public:
    /// What happens when a thread locks what it has locked already: it waits, it is told, or that counts.
    enum class kind { plain, checked, recursive };

    /// Throws `resource_error`.
    explicit robust_mutex(kind is = kind::plain);
    robust_mutex(const robust_mutex&) = delete;
    robust_mutex& operator=(const robust_mutex&) = delete;

    lock_result try_lock() noexcept;
    /// The same, but waits for it until the deadline.
    lock_result lock_until(steady_time deadline) noexcept;
    /// False when this thread does not hold it.
    bool unlock() noexcept;

private:
    lock_result result_of(int error) noexcept;

    pthread_mutex_t mutex_;
};

} // namespace multiprocessing::os
