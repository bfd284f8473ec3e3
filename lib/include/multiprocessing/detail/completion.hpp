// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace multiprocessing::detail {

/// Bytes that came from another process, and what keeps them in memory.
struct payload {
    std::shared_ptr<const void> owner{};
    std::span<const std::byte> bytes{};
};

using steady_time = std::chrono::steady_clock::time_point;

/// What is further away is meant as "for ever", or as "not at all"; clocks overflow on the way there.
inline constexpr std::chrono::duration<double> far_away = std::chrono::hours(24 * 365 * 100);

/// The point of time at which a wait of `duration` ends.
template <class Rep, class Period>
steady_time deadline_after(std::chrono::duration<Rep, Period> duration) {
    using std::chrono::steady_clock;
    const std::chrono::duration<double> seconds(duration);
    if (seconds > far_away) {
        return steady_time::max();
    }
    if (seconds < -far_away) {
        return steady_time::min();
    }
    return steady_clock::now() + std::chrono::ceil<steady_clock::duration>(duration);
}

/// A point of time on any clock, on the steady clock.
template <class Clock, class Duration>
steady_time on_steady_clock(std::chrono::time_point<Clock, Duration> time) {
    using seconds = std::chrono::duration<double>;
    const auto left = seconds(time.time_since_epoch()) - seconds(Clock::now().time_since_epoch());
    if (left > far_away || left < -far_away) {
        return deadline_after(left);
    }
    if constexpr (std::is_same_v<Clock, std::chrono::steady_clock>) {
        return std::chrono::ceil<std::chrono::steady_clock::duration>(time);
    } else {
        return deadline_after(time - Clock::now());
    }
}

/// Whoever runs tasks, as seen by those who wait for them. Thread-safe.
class task_owner {
public:
    virtual ~task_owner() = default;
    /// False when the task is complete.
    virtual bool cancel(std::uint64_t task) = 0;
};

/// What a future waits for: the outcome of one task, or of the several that a `map` was cut into. Complete
/// when the last part has its outcome; the first failure to arrive is the outcome of the whole.
///
/// Thread-safe. Parts complete on the pool's supervisor thread, or on one that submits, cancels, closes or
/// terminates.
class completion {
public:
    using hook = std::function<void()>;

    /// A part of the outcome, and the task that it comes from.
    struct part_outcome : payload {
        std::uint64_t task = 0;
    };

    explicit completion(std::size_t parts = 1) : remaining_(parts), parts_(parts) {}

    /// Says which task has the outcome of a part, and whose it is.
    void bind(std::size_t part, std::weak_ptr<task_owner> owner, std::uint64_t task);
    /// Cancels what is not complete; false when everything is.
    bool cancel();

    /// A result frame's content arrived for a part: an outcome as `child/outcome` encodes it.
    void deliver(std::size_t part, payload outcome);
    /// A part will have no result.
    void fail(std::exception_ptr reason);

    void wait() const;
    [[nodiscard]] bool wait_until(steady_time deadline) const;
    [[nodiscard]] bool ready() const;
    /// Whether it completed without a failure. Meaningful once ready.
    [[nodiscard]] bool succeeded() const;

    /// Waits; then the encoded values of the parts, in order. Throws the failure if there is one.
    [[nodiscard]] std::vector<part_outcome> take();

    /// Runs `action` once complete, on the thread that completes it, or at once if it is. Returns a key for
    /// `unhook`.
    std::uint64_t on_ready(hook action);
    void unhook(std::uint64_t key);

private:
    using failure = std::variant<std::monostate, std::exception_ptr, payload>;

    void complete_part(std::unique_lock<std::mutex> lock, failure reason);

    mutable std::mutex mutex_; // guards all below
    mutable std::condition_variable ready_;
    std::size_t remaining_;
    std::vector<part_outcome> parts_;
    std::weak_ptr<task_owner> owner_;
    failure failure_;
    std::list<std::pair<std::uint64_t, hook>> hooks_;
    std::uint64_t last_hook_ = 0;
};

/// The order in which things numbered by their owner became ready. Thread-safe.
class arrivals {
public:
    void push(std::size_t index);
    /// Waits for one; empty when the deadline came first.
    std::optional<std::size_t> pop(steady_time deadline);

private:
    std::mutex mutex_;
    std::condition_variable not_empty_;
    std::deque<std::size_t> indices_;
};

/// Waits until one of `completions` is ready and returns its index, or their number when `deadline` came
/// first.
std::size_t wait_for_any(std::span<const std::shared_ptr<completion>> completions, steady_time deadline);

} // namespace multiprocessing::detail
