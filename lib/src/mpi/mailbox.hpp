// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// What threads leave for another, which owns this.
template <class T>
class mailbox {
public:
    /// Any thread. Whether its owner will look at it.
    bool post(T thing) {
        const std::lock_guard lock(mutex_);
        if (is_closed_) {
            return false;
        }
        things_.push_back(std::move(thing));
        if (owner_sleeps_) {
            owner_sleeps_ = false;
            os::set_flag(wake_.get());
        }
        return true;
    }

    // The owner.

    [[nodiscard]] std::vector<T> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(things_, {});
    }
    /// The same, and from now on takes nothing any more.
    [[nodiscard]] std::vector<T> close() {
        const std::lock_guard lock(mutex_);
        is_closed_ = true;
        return std::exchange(things_, {});
    }
    /// Until something is there, or that time.
    void sleep_until(os::steady_time time) {
        {
            const std::lock_guard lock(mutex_);
            if (!things_.empty()) {
                return;
            }
            owner_sleeps_ = true;
        }
        if (os::wait_readable(wake_.get(), time)) {
            os::clear_flag(wake_.get());
        }
        const std::lock_guard lock(mutex_);
        owner_sleeps_ = false;
    }

private:
    const os::descriptor wake_ = os::make_flag();
    std::mutex mutex_; // guards what follows
    std::vector<T> things_;
    bool owner_sleeps_ = false;
    bool is_closed_ = false;
};

} // namespace multiprocessing::detail
