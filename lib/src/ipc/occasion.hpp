// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/process.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <stop_token>
#include <thread>

/// Waiting for what other processes do in shared memory. Nobody keeps count of who waits: whoever waits may
/// be killed.
namespace multiprocessing::detail {

/// How long a waiter may sleep although what it waits for has happened, if the process that made it happen,
/// or one that was woken before this one, died before it could wake anybody.
inline constexpr std::chrono::milliseconds longest_oversleep{50};

/// How long to go on trying, and letting others run, before going to sleep: as long as being woken takes.
inline constexpr std::chrono::microseconds shortest_sleep{20};

/// Tries for a while, but not beyond the deadline; whether it is done.
template <class Attempt>
bool try_for_a_while(steady_time deadline, const Attempt& attempt) {
    const auto begin = std::chrono::steady_clock::now();
    const auto end = std::min(deadline, begin + shortest_sleep);
    int yields = 1; // ever more, since each attempt is in the way of who is to make it succeed
    for (auto now = begin; now < end; now = std::chrono::steady_clock::now()) {
        for (int i = 0; i != yields; ++i) {
            std::this_thread::yield();
        }
        yields *= 2;
        if (attempt()) {
            return true;
        }
    }
    return false;
}

/// Sleeps until `word` is no longer `seen`, the deadline has passed, or somebody may have died.
inline void sleep_on(std::atomic<std::uint32_t>& word, std::uint32_t seen, steady_time deadline) {
    os::wait_on(word, seen, std::min(deadline, std::chrono::steady_clock::now() + longest_oversleep));
}

/// A reason to wake up. In shared memory, written by all.
struct alignas(64) occasion {
    std::atomic<std::uint32_t> wakes; // how often somebody was woken: what is slept on
    std::atomic<std::uint32_t> sleep; // 1: somebody may sleep. Whoever wakes one takes it back, so that what
                                      // happens until that one runs wakes nobody.

    /// Wakes one, who is to wake the next one if there is more for others to do.
    void announce() noexcept {
        if (is_slept_on()) {
            wakes.fetch_add(1);
            os::wake_one(wakes);
        }
    }
    void announce_to_all() noexcept {
        wakes.fetch_add(1);
        os::wake_all(wakes);
    }
    /// The same, where nobody is ever woken alone: then the flag tells of everybody.
    void announce_to_all_who_sleep() noexcept {
        if (is_slept_on()) {
            announce_to_all();
        }
    }

private:
    bool is_slept_on() noexcept { return sleep.load() != 0 && sleep.exchange(0) != 0; }
};

/// Tries until it is done; false when the limit came first. Who has slept wakes the next one when there
/// `is_more` to be done: of several occasions in a row only the first wakes somebody.
template <class Attempt, class IsMore>
bool wait_until_done(occasion& next, const wait_limit& limit, const Attempt& attempt, const IsMore& is_more) {
    if (attempt()) {
        return true;
    }
    if (limit.deadline == steady_time::min()) {
        return false;
    }
    if (try_for_a_while(limit.deadline, attempt)) {
        return true;
    }
    // All are woken, this one among them, and it finds changed what it has seen before it looked at the
    // token.
    const std::stop_callback wake(limit.stop, [&next]() noexcept { next.announce_to_all(); });
    for (bool has_slept = false;; has_slept = true) {
        const auto seen = next.wakes.load();
        next.sleep.store(1); // and who wakes somebody from now on changes what was seen
        if (attempt()) {
            if (has_slept && is_more()) {
                next.announce();
            }
            return true;
        }
        if (limit.is_over()) {
            return false;
        }
        sleep_on(next.wakes, seen, limit.deadline);
    }
}

} // namespace multiprocessing::detail
