// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/gate.hpp"

#include <multiprocessing/queue.hpp>

#include <chrono>
#include <string>
#include <thread>

namespace multiprocessing::detail {
namespace {

/// Waiting is counted in slices: a process that was stopped together with the one inside, as by Ctrl-Z, finds
/// only one of them to have passed when both go on.
constexpr std::chrono::milliseconds slice{500};
constexpr auto most_slices = longest_queue_stop / slice;

/// How often to look before going to sleep. Whoever is inside mostly leaves long before a sleeper could be
/// woken.
constexpr int most_looks = 20;

} // namespace

void gate::lock() {
    bool inside = os::is_locked(inside_.try_lock());
    for (int looks = 1; !inside && looks != most_looks; ++looks) {
        std::this_thread::yield();
        inside = os::is_locked(inside_.try_lock());
    }
    if (!inside) {
        wait();
    }
    try {
        check();
    } catch (...) { // whoever was stopped inside goes on, and is out again
        inside_.unlock();
        throw;
    }
}

void gate::wait() {
    for (auto slices = most_slices; slices != 0; --slices) {
        check();
        if (os::is_locked(inside_.lock_until(std::chrono::steady_clock::now() + slice))) {
            return;
        }
    }
    closed_.store(1);
    check();
}

void gate::check() const {
    if (closed_.load() != 0) {
        throw queue_broken("the queue is broken: a process has been stopped inside an operation on it for " +
                           std::to_string(longest_queue_stop.count()) + " seconds");
    }
}

} // namespace multiprocessing::detail
