// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <condition_variable>
#include <mutex>
#include <stop_token>

namespace multiprocessing::detail {

/// One thread at a time, the others waiting for no longer than they like. A `std::timed_mutex`, but for a
/// wait that the thread sanitizer does not know.
class turns {
public:
    /// Whether it is the caller's turn before the limit.
    [[nodiscard]] bool take(const wait_limit& limit) {
        const std::stop_callback wake(limit.stop, [this] {
            const std::lock_guard lock(mutex_); // not between the look at the token and the sleep
            free_.notify_all();
        });
        std::unique_lock lock(mutex_);
        const auto is_over = [&] { return !is_taken_ || limit.stop.stop_requested(); };
        if (limit.deadline == steady_time::max()) {
            free_.wait(lock, is_over);
        } else {
            free_.wait_until(lock, limit.deadline, is_over);
        }
        if (is_taken_) {
            return false;
        }
        is_taken_ = true;
        return true;
    }
    void give_back() {
        const std::lock_guard lock(mutex_);
        is_taken_ = false;
        free_.notify_one();
    }

private:
    std::mutex mutex_; // guards what follows
    bool is_taken_ = false;
    std::condition_variable free_;
};

/// A turn, for a scope.
class turn {
public:
    turn(turns& of, const wait_limit& limit) : of_(of.take(limit) ? &of : nullptr) {}
    ~turn() {
        if (of_ != nullptr) {
            of_->give_back();
        }
    }
    turn(const turn&) = delete;
    turn& operator=(const turn&) = delete;
    explicit operator bool() const noexcept { return of_ != nullptr; }

private:
    turns* of_;
};

} // namespace multiprocessing::detail
