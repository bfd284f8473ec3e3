// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/robust_mutex.hpp"

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// What `mutex` and `recursive_mutex` are handles to. In shared memory.
class shared_mutex_state {
public:
    explicit shared_mutex_state(os::robust_mutex::kind kind) : mutex_(kind) {}

    /// Whether it was locked before the limit. Throws `std::system_error` when this thread holds it and
    /// may not have it twice, `resource_error` when somebody has written over it.
    bool lock_until(const wait_limit& limit);
    bool try_lock();
    /// Throws `std::system_error` when this thread does not hold it.
    void unlock();

    /// Unlocks it as often as this thread has locked it: how often that is.
    std::uint32_t unlock_all();
    void lock_times(std::uint32_t times);

    /// For whoever holds it.
    [[nodiscard]] bool is_inherited() const noexcept;
    [[nodiscard]] bool is_held_by_this_thread() const noexcept;
    [[nodiscard]] bool is_held_by_this_process() const noexcept;

private:
    bool note(os::lock_result result);

    os::robust_mutex mutex_;
    // Written by whoever holds the mutex. What somebody who died has left here the next one writes anew.
    std::atomic<std::uint32_t> holder_{0}; // the thread, 0: nobody
    std::atomic<std::uint32_t> depth_{0};  // how often it has locked the mutex
    std::atomic<std::uint32_t> inherited_{0};
};

} // namespace multiprocessing::detail
