// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/robust_mutex.hpp"

#include <atomic>
#include <cstdint>

namespace multiprocessing::detail {

/// Lets one at a time into the operations on a queue that many processes share. In shared memory.
///
/// Who is killed inside the gate lets the next one in, who is told. Who is stopped inside for too long closes
/// the gate for good: it may go on at any time with what it is in the middle of.
class gate {
public:
    /// Waits until nobody is inside, for at most `longest_queue_stop`, and goes in; whether the one who was
    /// inside before died there. Throws `queue_broken` when that time was too short, for this or for an
    /// earlier caller.
    bool lock();
    void unlock() noexcept { inside_.unlock(); }
    /// Throws `queue_broken` when the gate is closed.
    void check() const;

private:
    [[nodiscard]] os::lock_result wait();

    os::robust_mutex inside_;
    std::atomic<std::uint32_t> closed_{0}; // written by whoever has waited too long
};

} // namespace multiprocessing::detail
