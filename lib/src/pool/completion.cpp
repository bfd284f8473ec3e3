// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/completion.hpp>

#include "child/outcome.hpp"
#include "os/copy.hpp"
#include "os/process.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <array>
#include <new>
#include <system_error>

namespace multiprocessing::detail {
namespace {

/// Why there is no outcome. Nothing is there when there was no memory to keep it in.
std::exception_ptr error_in(const auto& rare) {
    return rare && rare->error ? rare->error
                               : std::make_exception_ptr(resource_error(
                                     std::make_error_code(std::errc::not_enough_memory),
                                     "a task failed, and there was no memory to keep the reason"));
}

} // namespace

void completion::bind(std::size_t index, std::weak_ptr<task_owner> owner, std::uint64_t task) {
    if (index == 0) {
        owner_ = std::move(owner);
    }
    at(index).task = task;
}

bool completion::cancel() {
    if (ready()) {
        return false;
    }
    const auto owner = owner_.lock();
    bool any = false;
    for (std::size_t index = 0; index != parts(); ++index) {
        any |= owner != nullptr && owner->cancel(at(index).task);
    }
    return any;
}

/// A few for all: it is needed for failures and hooks only.
std::mutex& completion::mutex() const noexcept {
    struct shared_mutexes {
        std::array<std::mutex, 16> all;
    };
    auto& mutexes = os::one_per_process<shared_mutexes>().all;
    return mutexes[reinterpret_cast<std::uintptr_t>(this) / sizeof *this % mutexes.size()];
}

/// To be called under the lock.
completion::rarely& completion::rare() {
    if (!rare_) {
        rare_ = std::make_unique<rarely>();
    }
    return *rare_;
}

void completion::deliver(std::size_t index, payload&& outcome) {
    bool failed = false;
    try {
        failed = !is_value(outcome.bytes());
    } catch (...) { // not an outcome at all
        fail(std::current_exception());
        return;
    }
    at(index).outcome = std::move(outcome);
    if (failed) {
        const std::lock_guard lock(mutex());
        if (succeeded()) {
            failed_part_ = static_cast<std::uint32_t>(index);
        }
    }
}

void completion::printed(std::string text) {
    const std::lock_guard lock(mutex());
    if (rare_ || !text.empty()) {
        rare().printed = std::move(text);
    }
}

void completion::fail(std::exception_ptr reason) {
    const std::lock_guard lock(mutex());
    if (succeeded()) {
        failed_part_ = without_outcome;
        try {
            rare().error = std::move(reason);
        } catch (const std::bad_alloc&) { // who waits is told that, and the pool goes on
        }
    }
}

void completion::part_is_complete() {
    const auto before = state_.fetch_sub(1, std::memory_order_acq_rel);
    if (remaining(before) != 1) {
        return;
    }
    if ((before & has_waiters) != 0) {
        os::wake_all(state_);
    }
    if ((before & has_hooks) != 0) {
        std::unique_lock lock(mutex());
        const auto hooks = std::exchange(rare_->hooks, {});
        lock.unlock();
        for (const auto& [key, action] : hooks) {
            action();
        }
    }
}

bool completion::complete_unless_hooked() {
    auto before = state_.load(std::memory_order_relaxed);
    do {
        if (remaining(before) == 1 && (before & has_hooks) != 0) {
            return false;
        }
    } while (!state_.compare_exchange_weak(before, before - 1, std::memory_order_acq_rel));
    if (remaining(before) == 1 && (before & has_waiters) != 0) {
        os::wake_all(state_);
    }
    return true;
}

void completion::wait() const {
    if (ready()) {
        return;
    }
    const auto owner = parts_ == 1 ? owner_.lock() : nullptr;
    if (owner != nullptr) {
        owner->wait_for(first_.task, *this);
    } else {
        sleep();
    }
}

bool completion::wait_until(steady_time deadline) const {
    auto state = state_.load(std::memory_order_acquire);
    while (remaining(state) != 0) {
        if (deadline != steady_time::max() && std::chrono::steady_clock::now() >= deadline) {
            return false;
        }
        if ((state & has_waiters) != 0 || state_.compare_exchange_weak(state, state | has_waiters)) {
            os::wait_on(state_, state | has_waiters, deadline);
        }
        state = state_.load(std::memory_order_acquire);
    }
    return true;
}

void completion::wait_for_success() {
    wait();
    if (failed_part_ == without_outcome) {
        std::rethrow_exception(error_in(rare_));
    }
    if (failed_part_ != none) {
        std::rethrow_exception(exception_in(at(failed_part_).outcome.bytes()));
    }
}

std::span<const std::byte> completion::value_of(std::size_t index) const {
    return value_in(at(index).outcome.bytes());
}

payload completion::outcome() const {
    return failed_part_ == without_outcome ? outcome_of(error_in(rare_)) : first_.outcome;
}

std::uint64_t completion::on_ready(hook action) {
    if (!ready()) {
        const std::lock_guard lock(mutex());
        auto& rest = rare(); // before somebody is told that there are hooks
        if (remaining(state_.fetch_or(has_hooks, std::memory_order_acq_rel)) != 0) {
            rest.hooks.emplace_back(++rest.last_hook, std::move(action));
            return rest.last_hook;
        }
    }
    action();
    return 0;
}

void completion::unhook(std::uint64_t key) {
    const std::lock_guard lock(mutex());
    if (rare_) {
        std::erase_if(rare_->hooks, [&](const auto& entry) { return entry.first == key; });
    }
}

void arrivals::push(std::size_t index) {
    const std::lock_guard lock(mutex_);
    indices_.push_back(index);
    not_empty_.notify_one();
}

std::optional<std::size_t> arrivals::pop(const wait_limit& limit) {
    const std::stop_callback wake(limit.stop, [this] {
        const std::lock_guard lock(mutex_); // not between the look at the token and the sleep
        not_empty_.notify_all();
    });
    std::unique_lock lock(mutex_);
    const auto is_over = [&] { return !indices_.empty() || limit.stop.stop_requested(); };
    if (limit.deadline == steady_time::max()) {
        not_empty_.wait(lock, is_over);
    } else {
        not_empty_.wait_until(lock, limit.deadline, is_over);
    }
    if (indices_.empty()) {
        return std::nullopt;
    }
    const auto index = indices_.front();
    indices_.pop_front();
    return index;
}

completion_order::completion_order(std::vector<std::shared_ptr<completion>> watched)
    : hooked_(watched.size()), left_(watched.size()) {
    try {
        for (std::size_t i = 0; i != watched.size(); ++i) {
            hooked_[i].hook = watched[i]->on_ready([arrived = arrived_, i] { arrived->push(i); });
            hooked_[i].watched = std::move(watched[i]);
        }
    } catch (...) { // no memory
        unhook();
        throw;
    }
}

completion_order::~completion_order() {
    unhook();
}

void completion_order::unhook() {
    for (const auto& each : hooked_) {
        if (each.watched) {
            each.watched->unhook(each.hook);
        }
    }
}

std::optional<std::size_t> completion_order::next(const wait_limit& limit) {
    auto index = arrived_->pop(limit);
    while (index && !hooked_[*index].watched) { // told of before its hook had run
        index = arrived_->pop(limit);
    }
    if (!index) { // one may be ready, and its hook about to run
        const auto ready = std::ranges::find_if(
            hooked_, [](const auto& each) { return each.watched != nullptr && each.watched->ready(); });
        if (ready == hooked_.end()) {
            return std::nullopt;
        }
        ready->watched->unhook(ready->hook);
        index = static_cast<std::size_t>(ready - hooked_.begin());
    }
    hooked_[*index].watched.reset();
    --left_;
    return index;
}

std::size_t wait_for_any(std::span<const std::shared_ptr<completion>> completions, const wait_limit& limit) {
    completion_order order({completions.begin(), completions.end()});
    return order.next(limit).value_or(completions.size());
}

bool wait_for_one(const std::shared_ptr<completion>& one, const wait_limit& limit) {
    if (limit.stop.stop_possible()) {
        return completion_order({one}).next(limit).has_value();
    }
    if (limit.deadline != steady_time::max()) {
        return one->wait_until(limit.deadline);
    }
    one->wait(); // which helps
    return true;
}

} // namespace multiprocessing::detail
