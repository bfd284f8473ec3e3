// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What an mpi_pool does: submitting, handing out, completing. What comes from nodes is in from_nodes.cpp.
#include "mpi/mpi_core.hpp"

#include "pool/checks.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// How many nodes an idempotent task may be lost with: one that is the cause is not to take all of them down.
constexpr std::size_t most_nodes_lost = 3;

constexpr const char* who = "multiprocessing::mpi_pool";

/// With all that would differ on other nodes.
mpi_options checked(mpi_options options) {
    auto& workers = options.workers;
    check_options(workers, who);
    workers.start_method = workers.start_method.value_or(get_start_method());
    check(workers.start_method != start_method::fork, who,
          "workers cannot be forked: they would be copies of a process that MPI knows");
    return options;
}

/// What is a reason to try a task again without asking.
bool came_to_nothing(const std::exception_ptr& outcome) {
    try {
        std::rethrow_exception(outcome);
    } catch (const worker_died&) {
        return true;
    } catch (const task_timed_out&) {
        return true;
    } catch (...) {
        return false;
    }
}

/// When a task is tried again here.
retry_predicate retry_here(const retry_predicate& users) {
    return [users](const std::exception_ptr& outcome) { return came_to_nothing(outcome) || users(outcome); };
}

} // namespace

mpi_core::mpi_core(cluster& all, const mpi_options& options)
    : cluster_(all), options_(checked(options)), number_(all.new_pool_number()) {}

bool mpi_core::submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                      const task_options& options, when_full then) {
    check_options(options, who);
    refuse_if_stopped(options);
    task added{.kept = std::move(function.kept),
               .completion = completion,
               .part = part,
               .function = function.function,
               .is_idempotent = options.idempotent.value_or(options_.idempotent)};
    added.arrays = arrays_among(added.kept);
    auto traveling = options;
    if (const auto& retry_if = options.retry_if ? options.retry_if : options_.workers.retry_if) {
        added.retry_if = retry_here(retry_if); // it is not known elsewhere, and who tries again counts
        added.retries_left = options.max_retries.value_or(options_.workers.max_retries);
        traveling.max_retries = 0;
    }
    added.content = content_of_call(function, traveling, names_of(added.arrays));
    const task_traits traits{.retries = added.retries_left + (added.is_idempotent ? most_nodes_lost : 0)};

    lock held(mutex_);
    if (then == when_full::wait && !schedule_->has_room()) {
        wait_for_room(held, options.stop);
    }
    if (!schedule_->is_open()) {
        throw pool_closed("the pool is closed: it takes no more tasks");
    }
    if (then == when_full::refuse && !schedule_->has_room()) {
        return false;
    }
    const auto id = ids_.take();
    completion->bind(part, weak_from_this(), id);
    tasks_.emplace(id, std::move(added));
    has_submitted_ = true;
    schedule_->submitted(id, traits);
    perform();
    deliver(held);
    return true;
}

void mpi_core::wait_for_room(lock& held, const std::stop_token& stop) {
    if (collector_.is_this_thread()) { // in a function given to `then`, which makes the room
        return;
    }
    ++waiting_for_room_;
    const bool over = room_.wait(held, stop, [&] { return schedule_->has_room() || !schedule_->is_open(); });
    --waiting_for_room_;
    if (!over) {
        throw_no_room();
    }
}

bool mpi_core::cancel(std::uint64_t id) {
    if (!is_made_here()) {
        return false;
    }
    lock held(mutex_);
    const bool cancelled = schedule_->cancel(id);
    if (auto* doomed = tasks_.find(id); doomed != nullptr && cancelled) {
        doomed->is_cancelled = true;
    }
    perform();
    deliver(held);
    return cancelled;
}

void mpi_core::wait_for(std::uint64_t /*task*/, const completion& waited) {
    waited.sleep();
}

void mpi_core::set_initializer(call initializer) {
    task prepared{.kept = std::move(initializer.kept)};
    prepared.arrays = arrays_among(prepared.kept);
    prepared.content = content_of_call(initializer, {}, names_of(prepared.arrays));
    const lock held(mutex_);
    if (has_submitted_ || initializer_) {
        throw std::logic_error(std::string("multiprocessing::mpi_pool::initializer: ") +
                               (initializer_ ? "there is one already" : "a task has been submitted before"));
    }
    initializer_ = std::move(prepared);
    for (const auto& [id, each] : nodes_) {
        initialize(id);
    }
}

void mpi_core::close() {
    lock held(mutex_);
    schedule_->close();
    perform();
    deliver(held);
}

void mpi_core::terminate() {
    lock held(mutex_);
    if (!std::exchange(terminated_, true)) {
        if (schedule_) {
            schedule_->terminate();
        } else { // it has not become one, and hears nothing more
            send_to_all(message_kind::terminate);
            is_over_ = true;
        }
        if (nodes_are_ending_) {
            send_to_all(message_kind::terminate);
        }
    }
    perform();
    deliver(held);
}

bool mpi_core::join(const wait_limit& limit) {
    {
        const lock held(mutex_);
        if (schedule_ && schedule_->is_open()) {
            throw std::logic_error("multiprocessing::mpi_pool::join: call close or terminate first");
        }
    }
    if (!wait_for_one(collector_.over(), limit)) {
        return false;
    }
    collector_.join();
    return true;
}

std::size_t mpi_core::in_flight() const noexcept {
    return std::min(options_.workers.task_queue_capacity, 2 * schedule::first_window * size());
}

pool_stats mpi_core::stats() const {
    const auto workers = size();
    const lock held(mutex_);
    auto result = stats_;
    result.running = std::min(workers, schedule_->running());
    result.queued = tasks_.size() - result.running;
    result.latency = latencies_.summary();
    return result;
}

void mpi_core::perform() {
    if (!schedule_) {
        return;
    }
    for (bool more = true; more;) {
        for (auto actions = schedule_->take_actions(); !actions.empty();
             actions = schedule_->take_actions()) {
            for (const auto& any : actions) {
                std::visit([this](const auto& one) { perform(one); }, any);
            }
        }
        const auto filled = places_.fill();
        for (const auto place : filled) {
            schedule_->ready(place);
        }
        more = !filled.empty();
    }
    busy_.store(schedule_->running() != 0, std::memory_order_relaxed);
    if (schedule_->finished()) {
        end_nodes();
    }
}

void mpi_core::perform(const action::start_worker& start) {
    if (nobody_comes_) {
        schedule_->died(start.worker, 0);
    } else {
        places_.add(start.worker);
    }
}

void mpi_core::perform(const action::send_task& send) {
    auto* sent = tasks_.find(send.task);
    const auto to = places_.node_of(send.worker);
    if (sent == nullptr || !to) {
        return; // overtaken by another event
    }
    places_.task_sent(send.worker, send.task);
    const bool is_the_last_time = !sent->is_idempotent && sent->retries_left == 0;
    post_with_arrays(*to,
                     {.kind = message_kind::task,
                      .id = send.task,
                      .content = is_the_last_time ? std::move(sent->content) : sent->content},
                     sent->arrays);
}

/// A place has nothing but what is under way there.
void mpi_core::perform(const action::take_back& take) {
    (void)schedule_->taken_back(take.worker, {});
    schedule_->settled(take.worker);
}

void mpi_core::perform(const action::dismiss_worker& dismiss) {
    place_gone(dismiss.worker);
}

void mpi_core::perform(const action::end_worker& end) {
    if (terminated_) {
        place_gone(end.worker);
        return;
    }
    // Its task is to be stopped: by the pool there, which knows how, and says when that is done.
    if (const auto where = places_.node_of(end.worker)) {
        post(*where, {.kind = message_kind::cancel, .id = places_.task_at(end.worker)});
    }
}

void mpi_core::perform(const action::rest_task& rest) {
    if (auto* rests = tasks_.find(rest.task)) {
        ++rests->attempts;
        ++stats_.retries;
        resting_.add(rest.task, rest.after);
    }
}

void mpi_core::perform(const action::fail_task& failed) {
    if (const auto* found = tasks_.find(failed.task)) {
        complete_with_error(failed.task, error_for(*found, failed.reason));
    }
}

void mpi_core::place_gone(worker_id place) {
    places_.remove(place);
    schedule_->died(place, 0);
}

void mpi_core::complete(task_id id, payload&& outcome) {
    if (auto* done = tasks_.find(id)) {
        done->completion->deliver(done->part, std::move(outcome));
        ++stats_.done;
        latencies_.add(std::chrono::steady_clock::now() - done->submitted, 1);
        finish(id, *done);
    }
}

void mpi_core::complete_with_error(task_id id, std::exception_ptr error) {
    if (auto* failed = tasks_.find(id)) {
        failed->completion->fail(std::move(error));
        ++stats_.failed;
        finish(id, *failed);
    }
}

void mpi_core::finish(task_id id, task& finished) {
    finished_.push_back({std::move(finished.completion), std::move(finished.kept)});
    tasks_.erase(id);
    ids_.give_back(id);
}

std::exception_ptr mpi_core::error_for(const task& failed, action::failure reason) const {
    const auto function = failed.function.text();
    switch (reason) {
    case action::failure::pool_terminated:
        return error_of_terminated({});
    case action::failure::cancelled:
        return error_of_cancelled(function);
    case action::failure::no_worker_starts:
        return refusal_ ? refusal_
                        : std::make_exception_ptr(node_lost("no node is left that could run " + function));
    case action::failure::worker_died:
    case action::failure::timed_out: // nodes find that out
        break;
    }
    return std::make_exception_ptr(node_lost("the node on " + failed.lost_with + " is lost, to which " +
                                             function + " had been sent" + last_of(failed.attempts)));
}

/// Completes the futures of what has its outcome, without the lock, but for those with a function of the
/// user's, which the collector is to run.
void mpi_core::deliver(lock& held) {
    if (waiting_for_room_ != 0 && (schedule_->has_room() || !schedule_->is_open())) {
        room_.notify_all();
    }
    auto finished = std::exchange(finished_, {});
    if (!finished.empty()) {
        ++delivering_;
        held.unlock();
        for (auto& each : finished) {
            each.kept.clear(); // first: who has the result can rely on it
            if (!each.completion->complete_unless_hooked()) {
                collector_.post([hooked = std::move(each.completion)] { hooked->part_is_complete(); });
            }
        }
        finished.clear();
        held.lock();
        --delivering_;
    }
    if (is_over_ && delivering_ == 0) {
        collector_.end();
    }
}

void mpi_core::judge(doubt asked) {
    const bool again = is_to_be_tried_again(asked);
    lock held(mutex_);
    if (schedule_->is_final(asked.task, again)) {
        complete(asked.task, std::move(asked.outcome));
    }
    perform();
    deliver(held);
}

} // namespace multiprocessing::detail
