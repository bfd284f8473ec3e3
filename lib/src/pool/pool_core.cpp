// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a pool does: submitting, handing out, completing. The supervisor's thread is in supervisor.cpp.
#include "pool/pool_core.hpp"

#include "os/poll.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <exception>

namespace multiprocessing::detail {
namespace {

const pool_options& checked(const pool_options& options) {
    if (options.processes == 0) {
        throw std::invalid_argument("multiprocessing::pool: at least one process is needed");
    }
    if (options.task_queue_capacity == 0) {
        throw std::invalid_argument("multiprocessing::pool: the task queue needs room for at least one task");
    }
    return options;
}

} // namespace

pool_core::pool_core(const pool_options& options)
    : options_(checked(options)),
      wake_(os::make_flag()),
      schedule_({options.processes, options.task_queue_capacity, options.max_tasks_per_child}) {
    // The first workers are started here, so that what prevents it is the caller's to handle.
    for (const auto& first : schedule_.take_actions()) {
        const auto id = std::get<action::start_worker>(first).worker;
        workers_.emplace(id, std::make_unique<worker>(id));
    }
    const os::signals_blocked signals_are_for_the_programs_threads;
    supervisor_ = std::thread([this] { supervise(); });
}

pool_core::~pool_core() {
    terminate();
    join();
}

bool pool_core::submit(task work, bool wait) {
    lock held(mutex_);
    // The supervisor, in a user's `then`, makes room itself: it must not wait for it.
    if (wait && std::this_thread::get_id() != supervisor_id_) {
        room_.wait(held, [&] { return schedule_.has_room() || !schedule_.is_open(); });
    }
    if (!schedule_.is_open()) {
        throw pool_closed("the pool is closed: it takes no more tasks");
    }
    if (!wait && !schedule_.has_room()) {
        return false;
    }
    const auto id = ++last_task_;
    const bool bulky = work.function.encoded.size() > channel::largest_in_message;
    tasks_.emplace(id, std::move(work));
    schedule_.submitted(id, bulky);
    perform();
    deliver(held);
    return true;
}

void pool_core::set_initializer(call initializer) {
    const lock held(mutex_);
    if (last_task_ != 0) {
        throw std::logic_error("multiprocessing::pool::initializer: a task has been submitted before");
    }
    initializer_ = std::move(initializer);
    for (const auto& [id, worker] : workers_) {
        schedule_.preparing(id);
        prepare(*worker);
    }
}

void pool_core::prepare(worker& each) {
    try {
        each.prepare(*initializer_);
    } catch (const channel_broken&) {
        each.kill();
    } catch (const resource_error& e) { // no memory for large arguments
        each.note(e.what());
        each.kill();
    }
}

void pool_core::close() {
    lock held(mutex_);
    schedule_.close();
    perform();
    deliver(held);
    wake_supervisor();
}

void pool_core::terminate() {
    lock held(mutex_);
    terminated_ = true;
    schedule_.terminate();
    perform();
    deliver(held);
    wake_supervisor();
}

void pool_core::join() {
    {
        const lock held(mutex_);
        if (schedule_.is_open()) {
            throw std::logic_error("multiprocessing::pool::join: call close or terminate first");
        }
    }
    const std::lock_guard one_at_a_time(joining_);
    if (supervisor_.joinable()) {
        supervisor_.join();
    }
}

std::size_t pool_core::in_flight() const noexcept {
    // Two rounds of what the workers have ahead; never so many that submitting waits.
    return std::min(options_.task_queue_capacity, 2 * schedule::most_under_way * options_.processes);
}

std::vector<long> pool_core::pids() const {
    const lock held(mutex_);
    std::vector<long> result;
    for (const auto& [id, worker] : workers_) {
        if (!worker->process().exit_code()) {
            result.push_back(worker->pid());
        }
    }
    return result;
}

pool_stats pool_core::stats() const {
    const lock held(mutex_);
    auto result = stats_;
    result.running = schedule_.running();
    result.queued = schedule_.queued();
    return result;
}

void pool_core::perform() {
    for (auto actions = schedule_.take_actions(); !actions.empty(); actions = schedule_.take_actions()) {
        for (const auto& any : actions) {
            std::visit([this](const auto& one) { perform(one); }, any);
        }
    }
}

void pool_core::perform(const action::start_worker& start) {
    ++stats_.restarts;
    starts_.push_back({start.worker, std::chrono::steady_clock::now() + start.after});
    wake_supervisor();
}

void pool_core::perform(const action::send_task& send) {
    auto* receiver = find(send.worker);
    const auto sent = tasks_.find(send.task);
    if (receiver == nullptr || sent == tasks_.end()) {
        return; // overtaken by another event
    }
    try {
        receiver->channel().send(frame_kind::task, send.task, sent->second.function.encoded);
    } catch (const channel_broken&) {
        receiver->kill(); // its tasks are dealt with when it is buried
    } catch (const resource_error& e) {
        schedule_.undeliverable(send.worker, send.task);
        const auto why = std::string("the arguments could not be handed over: ") + e.what();
        complete_with_error(send.task, std::make_exception_ptr(resource_error(e.code(), why)));
    }
}

void pool_core::perform(const action::take_back& take) {
    auto* holder = find(take.worker);
    std::vector<task_id> taken;
    try {
        while (holder != nullptr && taken.size() != take.count) {
            const auto task = holder->channel().take_back();
            if (!task) {
                break;
            }
            taken.push_back(*task);
        }
    } catch (const channel_broken&) {
        holder->kill();
    }
    schedule_.taken_back(take.worker, taken);
}

void pool_core::perform(const action::dismiss_worker& dismiss) {
    if (cancel_start(dismiss.worker)) {
        return;
    }
    if (auto* worker = find(dismiss.worker)) {
        try {
            worker->channel().send(frame_kind::leave, 0, {});
        } catch (const channel_broken&) {
            worker->kill();
        }
    }
}

void pool_core::perform(const action::end_worker& end) {
    if (cancel_start(end.worker)) {
        return;
    }
    if (auto* worker = find(end.worker)) {
        worker->ask_to_end(std::chrono::steady_clock::now());
    }
}

void pool_core::perform(const action::fail_task& failed) {
    if (const auto found = tasks_.find(failed.task); found != tasks_.end()) {
        complete_with_error(failed.task, error_for(found->second, failed.reason));
    }
}

/// Whether the worker's process had not been started yet; then it never will.
bool pool_core::cancel_start(worker_id worker) {
    if (std::erase_if(starts_, [&](const auto& start) { return start.worker == worker; }) == 0) {
        return false;
    }
    schedule_.died(worker, 0);
    return true;
}

void pool_core::complete(task_id id, delivery result) {
    const auto found = tasks_.find(id);
    if (found == tasks_.end()) {
        return;
    }
    result.completion = std::move(found->second.completion);
    result.part = found->second.part;
    ++(result.error ? stats_.failed : stats_.done);
    tasks_.erase(found);
    deliveries_.push_back(std::move(result));
}

void pool_core::complete_with_error(task_id id, std::exception_ptr error) {
    complete(id, {.error = std::move(error)});
}

std::exception_ptr pool_core::error_for(const task& failed, action::failure reason) {
    switch (reason) {
    case action::failure::pool_terminated:
        return std::make_exception_ptr(
            pool_terminated("the pool was terminated before the task was complete"));
    case action::failure::no_worker_starts:
        return std::make_exception_ptr(worker_died(
            dead_pid_, dead_exit_code_, "no worker can be started, the pool has given up: " + epitaph_));
    case action::failure::worker_died:
        break;
    }
    return std::make_exception_ptr(worker_died(
        dead_pid_, dead_exit_code_, epitaph_ + " while running " + failed.function.function.text()));
}

worker* pool_core::find(worker_id id) {
    const auto found = workers_.find(id);
    return found == workers_.end() ? nullptr : found->second.get();
}

/// Completes futures, without the lock.
void pool_core::deliver(lock& held) {
    auto deliveries = std::exchange(deliveries_, {});
    if (schedule_.has_room() || !schedule_.is_open()) {
        room_.notify_all();
    }
    held.unlock();
    for (auto& each : deliveries) {
        if (each.error) {
            each.completion->fail(std::move(each.error));
        } else {
            each.completion->deliver(each.part, std::move(each.outcome));
        }
    }
    held.lock();
}

void pool_core::wake_supervisor() noexcept {
    os::set_flag(wake_.get());
}

} // namespace multiprocessing::detail
