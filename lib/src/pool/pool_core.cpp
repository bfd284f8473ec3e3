// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a pool does: submitting, handing out, completing. The supervisor's thread is in supervisor.cpp, what
// other threads do for the pool while they use it in helpers.cpp.
#include "pool/pool_core.hpp"

#include "child/bootstrap.hpp"
#include "child/outcome.hpp"
#include "os/poll.hpp"
#include "pool/checks.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <sstream>

namespace multiprocessing::detail {
namespace {

/// How long a task that knows that it is to stop has to do so: long enough to put things in order, short
/// enough that whoever cancels a task need not think of it any more.
constexpr std::chrono::seconds default_stop_grace{1};

/// How many tasks are submitted between two looks at what the workers have sent.
constexpr std::size_t many_submitted = 128;

std::string for_people(std::chrono::nanoseconds duration) {
    std::ostringstream text;
    text << std::chrono::duration<double>(duration).count() << " s";
    return text.str();
}

constexpr const char* who = "multiprocessing::pool";

const pool_options& checked(const pool_options& options) {
    if (!program_arguments()) { // before there are names that a program which ends of it would leave behind
        throw not_initialized();
    }
    check(options.processes != 0, who, "at least one process is needed");
    check(options.spin.count() >= 0, who, "a spin cannot be negative");
    check_options(options, who);
    return options;
}

} // namespace

pool_core::pool_core(const pool_options& options, wording words)
    : options_(checked(options)),
      settings_(options, std::move(words)),
      heap_(options.isolation == isolation::shared ? shared_heap("multiprocessing-tasks") : shared_heap()),
      wake_(os::make_flag()),
      relay_(events_),
      schedule_({.workers = options.processes,
                 .capacity = options.task_queue_capacity,
                 .max_tasks_per_child = options.max_tasks_per_child,
                 .most_under_way =
                     1 + std::min(most_under_way(options.isolation) - 1, options.prefetch.value_or(SIZE_MAX)),
                 .retry_back_off = options.retry_back_off,
                 .replaces_workers = options.replace_workers}),
      spin_(options.spin),
      chronicle_(options, settings_.words()) {
    events_.add(wake_.get(), 0);
    // The first workers are started here, so that what prevents it is the caller's to handle.
    for (const auto& first : schedule_.take_actions()) {
        const auto id = std::get<action::start_worker>(first).worker;
        auto started = std::make_unique<worker>(id, options_, settings_, heap_, free_cpu());
        watch(*workers_.emplace(id, std::move(started)).first->second);
    }
    const os::signals_blocked signals_are_for_the_programs_threads;
    supervisor_ = std::thread([this] { supervise(); });
}

bool pool_core::submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                       const task_options& options, when_full then) {
    check_options(options, who);
    refuse_if_stopped(options);
    const auto timeout = options.timeout.value_or(options_.task_timeout);
    const auto grace = options.stop_grace ? options.stop_grace : options_.stop_grace;
    std::unique_ptr<retry_predicate> retry_if; // copying the user's may throw
    if (options.retry_if) {
        retry_if = std::make_unique<retry_predicate>(options.retry_if);
    }

    lock held(mutex_);
    if (++submitted_since_look_ >= many_submitted || !schedule_.has_room()) {
        look_around(held);
    }
    if (then == when_full::wait && !schedule_.has_room()) {
        wait_for_room(held, options.stop);
    }
    if (!schedule_.is_open()) {
        const auto& words = settings_.words();
        throw pool_closed("the " + words.pool + " is closed: it takes no more " + words.task + "s");
    }
    if (then == when_full::refuse && !schedule_.has_room()) {
        return false;
    }
    const auto id = ids_.take();
    const std::chrono::nanoseconds default_grace =
        function.takes_stop_token ? default_stop_grace : std::chrono::seconds(0);
    const task_traits traits{.bulky = function.encoded.size() > channel::surely_in_message &&
                                      !function.encoded.are_shared(),
                             .takes_stop_token = function.takes_stop_token,
                             .timeout = timeout,
                             .stop_grace = grace.value_or(default_grace),
                             .retries = options.max_retries.value_or(options_.max_retries)};
    completion->bind(part, weak_from_this(), id);
    auto& added = tasks_.emplace(id); // member by member: a task that is moved there as a whole costs more
    added.function = std::move(function);
    added.completion = std::move(completion);
    added.part = part;
    added.number = ++submitted_;
    added.retry_if = std::move(retry_if);
    added.timeout = timeout;
    added.is_captured = options.capture;
    added.queued = chronicle_.queued(label(added));
    schedule_.submitted(id, traits);
    tasks_came_ = true;
    if (at_rest_ == steady_time::max() && asleep_until_ != steady_time::min()) {
        // From now on it looks after the workers from time to time.
        wake_supervisor();
    }
    perform();
    deliver_as_helper(held);
    return true;
}

bool pool_core::cancel(std::uint64_t task) {
    if (!is_made_here()) {
        return false; // in a copy of the process, which leaves a range of results early
    }
    lock held(mutex_);
    const bool cancelled = schedule_.cancel(task);
    perform();
    deliver(held);
    return cancelled;
}

void pool_core::set_initializer(call initializer) {
    const lock held(mutex_);
    if (submitted_ != 0 || initializer_) {
        throw std::logic_error(std::string("multiprocessing::pool::initializer: ") +
                               (initializer_ ? "there is one already" : "a task has been submitted before"));
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
    } catch (const channel_broken& e) {
        give_up(each, e);
    } catch (const resource_error& e) { // no memory for large arguments
        each.note(e.what());
        kill(each);
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
    heap_.close(); // workers may read there until they have ended
    schedule_.terminate();
    perform();
    deliver(held);
    wake_supervisor();
}

const std::shared_ptr<completion>& pool_core::end() {
    const lock held(mutex_);
    if (schedule_.is_open()) {
        throw std::logic_error("multiprocessing::pool::join: call close or terminate first");
    }
    return end_;
}

bool pool_core::join(const wait_limit& limit) {
    if (!wait_for_one(end(), limit)) {
        return false;
    }
    const std::lock_guard one_at_a_time(joining_);
    if (supervisor_.joinable()) {
        supervisor_.join();
    }
    return true;
}

std::size_t pool_core::in_flight() const noexcept {
    // Two rounds of what the workers have ahead; never so many that submitting waits.
    return std::min(options_.task_queue_capacity, 2 * schedule::first_window * options_.processes);
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
    auto result = chronicle_.stats();
    result.running = schedule_.running();
    result.queued = schedule_.queued();
    return result;
}

void pool_core::perform() {
    for (auto actions = schedule_.take_actions(); !actions.empty(); actions = schedule_.take_actions()) {
        for (const auto& any : actions) {
            if (!std::holds_alternative<action::send_task>(any)) {
                send_gathered(); // what it does may concern them
            }
            std::visit([this](const auto& one) { perform(one); }, any);
        }
        send_gathered();
    }
    chronicle_.counts(schedule_.queued(), schedule_.running());
    if (chronicle_.has_much_to_write() && asleep_until_ != steady_time::min()) {
        wake_supervisor();
    }
}

void pool_core::perform(const action::start_worker& start) {
    chronicle_.replaced();
    starts_.push_back({start.worker, deadline_after(start.after)});
    due_at(starts_.back().due);
}

void pool_core::perform(const action::send_task& send) {
    auto* receiver = find(send.worker);
    const auto* sent = tasks_.find(send.task);
    if (receiver == nullptr || sent == nullptr) {
        return; // overtaken by another event
    }
    chronicle_.sent(label(*sent), label(*receiver));
    const auto kind = sent->is_captured ? frame_kind::captured_task : frame_kind::task;
    const std::span<const std::byte> content(sent->function.encoded);
    if (content.size() <= channel::surely_in_message) {
        if (receiver->to_send.empty()) {
            receivers_.push_back(receiver);
        }
        receiver->to_send.push_back({kind, send.task, content});
        return;
    }
    send_gathered(); // first in, first out
    try {
        receiver->channel().send(kind, send.task, content);
    } catch (const channel_broken& e) {
        give_up(*receiver, e); // its tasks are dealt with when it is buried
    } catch (const resource_error& e) {
        schedule_.undeliverable(send.worker, send.task);
        const auto why = std::string("the arguments could not be handed over: ") + e.what();
        complete_with_error(send.task, std::make_exception_ptr(resource_error(e.code(), why)));
    }
}

void pool_core::send_gathered() {
    for (auto* receiver : receivers_) {
        try {
            receiver->channel().send_all(receiver->to_send);
        } catch (const channel_broken& e) {
            give_up(*receiver, e); // its tasks are dealt with when it is buried
        }
        receiver->to_send.clear();
    }
    receivers_.clear();
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
    } catch (const channel_broken& e) {
        give_up(*holder, e);
    }
    if (!schedule_.taken_back(take.worker, taken) && holder != nullptr) {
        holder->note("it wrote over the tasks that were sent to it");
        kill(*holder);
    }
    if (holder != nullptr) {
        chronicle_.taken_back(label(*holder), taken.size());
        collect_from(*holder);
    }
    schedule_.settled(take.worker);
}

void pool_core::perform(const action::start_timer& timer) {
    if (auto* worker = find(timer.worker)) {
        worker->overdue = {timer.task, deadline_after(timer.after)};
        due_at(worker->overdue.time);
    }
}

void pool_core::perform(const action::request_stop& request) {
    if (auto* worker = find(request.worker)) {
        worker->request_stop(request.task);
    }
}

void pool_core::perform(const action::dismiss_worker& dismiss) {
    if (cancel_start(dismiss.worker)) {
        return;
    }
    if (auto* worker = find(dismiss.worker)) {
        try {
            worker->channel().send(frame_kind::leave, 0, {});
        } catch (const std::exception&) { // it is broken, or the system is short of something
            kill(*worker);
        }
    }
}

void pool_core::perform(const action::end_worker& end) {
    if (cancel_start(end.worker)) {
        return;
    }
    if (auto* worker = find(end.worker)) {
        if (end.after == std::chrono::nanoseconds::zero()) {
            ask_to_end(*worker, std::chrono::steady_clock::now());
        } else {
            worker->end_time = deadline_after(end.after);
            due_at(worker->end_time);
        }
    }
}

void pool_core::perform(const action::spare_worker& spare) {
    if (auto* worker = find(spare.worker)) {
        worker->end_time = steady_time::max();
    }
}

void pool_core::perform(const action::rest_task& rest) {
    if (auto* rests = tasks_.find(rest.task)) {
        ++rests->attempts;
        if (rests->is_captured) {
            rests->completion->printed({}); // the next attempt may print nothing
        }
        chronicle_.retried(label(*rests), rests->attempts, rest.after);
        due_at(resting_.add(rest.task, rest.after));
    }
}

void pool_core::perform(const action::fail_task& failed) {
    if (tasks_.contains(failed.task)) {
        complete_with_error(failed.task, error_for(failed.task, failed.reason));
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

void pool_core::complete(task_id id, payload&& outcome) {
    if (auto* done = tasks_.find(id)) {
        done->completion->deliver(done->part, std::move(outcome));
        chronicle_.done(label(*done), done->queued);
        finish(id, *done);
    }
}

void pool_core::complete_with_error(task_id id, std::exception_ptr error) {
    if (auto* failed = tasks_.find(id)) {
        chronicle_.failed(label(*failed), error);
        failed->completion->fail(std::move(error));
        finish(id, *failed);
    }
}

void pool_core::finish(task_id id, task& finished) {
    finished_.push_back({std::move(finished.completion), std::move(finished.function.kept)});
    tasks_.erase(id);
    ids_.give_back(id);
}

std::exception_ptr pool_core::error_for(task_id id, action::failure reason) {
    const auto& failed = *tasks_.find(id);
    const auto attempts = last_of(failed.attempts);
    const auto function = [&] { return failed.function.function.text(); };
    const auto& words = settings_.words();
    switch (reason) {
    case action::failure::pool_terminated:
        return error_of_terminated(words);
    case action::failure::cancelled:
        return error_of_cancelled(function());
    case action::failure::timed_out:
        return std::make_exception_ptr(task_timed_out(function() + " ran for longer than its timeout of " +
                                                      for_people(failed.timeout) + attempts));
    case action::failure::no_worker_starts:
        return std::make_exception_ptr(
            error_of_waiting(dead_, failed.number, function(), options_.replace_workers, words));
    case action::failure::worker_died:
        break;
    }
    return std::make_exception_ptr(error_of_running(dead_, failed.number, function(), attempts, words));
}

worker* pool_core::find(worker_id id) {
    const auto found = workers_.find(id);
    return found == workers_.end() ? nullptr : found->second.get();
}

/// The CPU to bind the next worker to: the first of those that have the fewest. Empty when workers are not
/// bound.
std::optional<int> pool_core::free_cpu() const {
    const auto& cpus = settings_.cpus();
    const auto workers_on = [&](int cpu) {
        return std::ranges::count_if(workers_, [&](const auto& each) { return each.second->cpu() == cpu; });
    };
    const auto freest = std::ranges::min_element(cpus, {}, workers_on);
    return freest == cpus.end() ? std::nullopt : std::optional(*freest);
}

void pool_core::ask_to_end(worker& ended, steady_time now) {
    ended.ask_to_end(now);
    due_at(ended.next_due());
    schedule_.ending(ended.id());
}

/// One that does not understand its pool, or whose pool does not understand it. Where it has merely ended,
/// its end says why.
void pool_core::give_up(worker& lost, const std::exception& why) {
    if (typeid(why) != typeid(channel_broken)) {
        lost.note(why.what());
    }
    kill(lost);
}

void pool_core::kill(worker& killed) noexcept {
    killed.kill();
    due_at(killed.next_due());
}

void pool_core::wake_supervisor() noexcept {
    os::set_flag(wake_.get());
}

/// The supervisor is to look at the clock then.
void pool_core::due_at(steady_time time) noexcept {
    due_ = std::min(due_, time);
    if (time < asleep_until_) {
        wake_supervisor();
    }
}

} // namespace multiprocessing::detail
