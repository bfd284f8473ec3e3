// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/robust_mutex.hpp"

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// Lets one at a time into the operations on a message_queue that many processes share, so that the mutex
/// inside is always free for whoever is let in: waiting for that one could not be bounded. In shared memory.
/// To be held by a `std::lock_guard`.
///
/// Who is killed inside the gate lets the next one in; whether the message_queue survived that, it says
/// itself. Who is stopped inside for too long closes the gate for good: what it is in the middle of cannot be
/// undone.
class gate {
public:
    /// Waits until nobody is inside, for at most `longest_queue_stop`, and goes in. Throws `queue_broken`
    /// when that was too short, for this or for an earlier caller.
    void lock();
    void unlock() noexcept { inside_.unlock(); }

private:
    void wait();
    void check() const;

    os::robust_mutex inside_;
    std::atomic<std::uint32_t> closed_{0}; // written by whoever has waited too long
};

} // namespace multiprocessing::detail
