// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace multiprocessing::detail {

/// A pool's thread for what is the user's: functions given to `then`, and predicates. Nobody else who acts
/// for the pool runs them, so none can hold up what comes from nodes.
class collector {
public:
    collector();
    collector(const collector&) = delete;
    collector& operator=(const collector&) = delete;

    /// To be run in this order. Any thread, before `end`; after it what is run itself.
    void post(std::function<void()> job);
    /// It ends when nothing is left to do.
    void end();
    /// Complete when it has.
    [[nodiscard]] const std::shared_ptr<completion>& over() const noexcept { return over_; }
    /// To be called before destruction, after `end`. Any thread, and any number of them.
    void join();
    [[nodiscard]] bool is_this_thread() const noexcept { return std::this_thread::get_id() == id_; }

private:
    void run();

    std::mutex mutex_; // guards the next three
    std::condition_variable news_;
    std::deque<std::function<void()>> jobs_;
    bool ends_ = false;
    const std::shared_ptr<completion> over_ = std::make_shared<completion>();
    std::mutex joining_;
    std::thread thread_; // joined under `joining_`
    const std::thread::id id_;
};

} // namespace multiprocessing::detail
