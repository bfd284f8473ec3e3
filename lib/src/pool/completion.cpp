// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/completion.hpp>

#include "child/outcome.hpp"

#include <algorithm>

namespace multiprocessing::detail {

void completion::bind(std::size_t part, std::weak_ptr<task_owner> owner, std::uint64_t task) {
    const std::lock_guard lock(mutex_);
    owner_ = std::move(owner);
    parts_[part].task = task;
}

bool completion::cancel() {
    std::vector<std::uint64_t> tasks;
    std::unique_lock lock(mutex_);
    if (remaining_ == 0) {
        return false;
    }
    for (const auto& each : parts_) {
        tasks.push_back(each.task);
    }
    const auto owner = owner_.lock();
    lock.unlock(); // cancelling completes parts
    bool any = false;
    for (const auto task : tasks) {
        any |= owner != nullptr && owner->cancel(task);
    }
    return any;
}

void completion::deliver(std::size_t part, payload outcome) {
    failure failed;
    try {
        if (!is_value(outcome.bytes)) {
            failed = std::move(outcome);
        }
    } catch (...) { // not an outcome at all
        failed = std::current_exception();
    }
    std::unique_lock lock(mutex_);
    if (failed.index() == 0) {
        outcome.bytes = value_in(outcome.bytes);
        static_cast<payload&>(parts_[part]) = std::move(outcome);
    }
    complete_part(std::move(lock), std::move(failed));
}

void completion::fail(std::exception_ptr reason) {
    complete_part(std::unique_lock(mutex_), std::move(reason));
}

void completion::complete_part(std::unique_lock<std::mutex> lock, failure reason) {
    if (failure_.index() == 0) {
        failure_ = std::move(reason);
    }
    if (--remaining_ != 0) {
        return;
    }
    const auto hooks = std::exchange(hooks_, {});
    ready_.notify_all();
    lock.unlock();
    for (const auto& [key, action] : hooks) {
        action();
    }
}

void completion::wait() const {
    (void)wait_until(steady_time::max());
}

bool completion::wait_until(steady_time deadline) const {
    std::unique_lock lock(mutex_);
    const auto is_ready = [&] { return remaining_ == 0; };
    if (deadline == steady_time::max()) { // which no clock can wait for
        ready_.wait(lock, is_ready);
        return true;
    }
    return ready_.wait_until(lock, deadline, is_ready);
}

bool completion::ready() const {
    const std::lock_guard lock(mutex_);
    return remaining_ == 0;
}

bool completion::succeeded() const {
    const std::lock_guard lock(mutex_);
    return failure_.index() == 0;
}

std::vector<completion::part_outcome> completion::take() {
    wait();
    std::unique_lock lock(mutex_);
    auto failed = std::exchange(failure_, {});
    auto parts = std::exchange(parts_, {});
    lock.unlock();
    if (const auto* error = std::get_if<std::exception_ptr>(&failed)) {
        std::rethrow_exception(*error);
    }
    if (const auto* outcome = std::get_if<payload>(&failed)) {
        std::rethrow_exception(exception_in(outcome->bytes));
    }
    return parts;
}

std::uint64_t completion::on_ready(hook action) {
    std::unique_lock lock(mutex_);
    if (remaining_ != 0) {
        hooks_.emplace_back(++last_hook_, std::move(action));
        return last_hook_;
    }
    lock.unlock();
    action();
    return 0;
}

void completion::unhook(std::uint64_t key) {
    const std::lock_guard lock(mutex_);
    std::erase_if(hooks_, [&](const auto& entry) { return entry.first == key; });
}

void arrivals::push(std::size_t index) {
    const std::lock_guard lock(mutex_);
    indices_.push_back(index);
    not_empty_.notify_one();
}

std::optional<std::size_t> arrivals::pop(steady_time deadline) {
    std::unique_lock lock(mutex_);
    const auto any = [&] { return !indices_.empty(); };
    if (deadline == steady_time::max()) {
        not_empty_.wait(lock, any);
    } else if (!not_empty_.wait_until(lock, deadline, any)) {
        return std::nullopt;
    }
    const auto index = indices_.front();
    indices_.pop_front();
    return index;
}

std::size_t wait_for_any(std::span<const std::shared_ptr<completion>> completions, steady_time deadline) {
    const auto arrived = std::make_shared<arrivals>();
    std::vector<std::uint64_t> keys;
    for (std::size_t i = 0; i != completions.size(); ++i) {
        keys.push_back(completions[i]->on_ready([arrived, i] { arrived->push(i); }));
    }
    const auto first = arrived->pop(deadline);
    for (std::size_t i = 0; i != completions.size(); ++i) {
        completions[i]->unhook(keys[i]);
    }
    return first.value_or(completions.size());
}

} // namespace multiprocessing::detail
