// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/collector.hpp"

#include "os/process.hpp"

#include <utility>

namespace multiprocessing::detail {

collector::collector() : thread_([this] { run(); }), id_(thread_.get_id()) {}

void collector::post(std::function<void()> job) {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
    news_.notify_one();
}

void collector::end() {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    news_.notify_one();
}

void collector::join() {
    const std::lock_guard one_at_a_time(joining_);
    if (thread_.joinable()) {
        thread_.join();
    }
}

void collector::run() {
    os::set_process_name("mp-collector");
    for (std::unique_lock held(mutex_);; held.lock()) {
        news_.wait(held, [this] { return ends_ || !jobs_.empty(); });
        if (jobs_.empty()) {
            break;
        }
        {
            const auto job = std::move(jobs_.front());
            jobs_.pop_front();
            held.unlock();
            job();
        } // what that destroys may post more
    }
    over_->part_is_complete();
}

} // namespace multiprocessing::detail
