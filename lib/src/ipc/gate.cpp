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

[[noreturn]] void throw_closed() {
    throw queue_broken("the queue is broken: a process has been stopped inside an operation on it for " +
                       std::to_string(longest_queue_stop.count()) + " seconds");
}

} // namespace

bool gate::lock() {
    auto result = inside_.try_lock();
    for (int looks = 1; !os::is_locked(result) && looks != most_looks; ++looks) {
        std::this_thread::yield();
        result = inside_.try_lock();
    }
    if (!os::is_locked(result)) {
        result = wait();
    }
    try {
        check();
    } catch (...) { // whoever was stopped inside goes on, and is out again
        inside_.unlock();
        throw;
    }
    return result == os::lock_result::inherited;
}

os::lock_result gate::wait() {
    for (auto slices = most_slices; slices != 0; --slices) {
        check();
        const auto result = inside_.lock_until(std::chrono::steady_clock::now() + slice);
        if (os::is_locked(result)) {
            return result;
        }
    }
    closed_.store(1);
    throw_closed();
}

void gate::check() const {
    if (closed_.load() != 0) {
        throw_closed();
    }
}

} // namespace multiprocessing::detail
