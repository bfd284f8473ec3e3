// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/schedule.hpp"

#include <algorithm>

namespace multiprocessing::detail {

schedule::schedule(const schedule_options& options) : options_(options), slots_(options.workers) {
    for (auto& slot : slots_) {
        start(slot, {});
    }
}

void schedule::submitted(task_id id, const task_traits& traits) {
    unfinished_.emplace(id, unfinished_task{.traits = traits});
    waiting_.push_back(id);
    if (given_up_) {
        fail_all(action::failure::no_worker_starts);
    }
    advance();
}

void schedule::ready(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::starting) {
        slot->now = place::state::ready;
        slot->failed_starts = 0;
        failed_starts_ = 0;
        for (auto& each : slots_) { // what kept others from starting has passed
            if (each.now == place::state::vacant && !closed_) {
                start(each, {});
            }
        }
        advance();
    }
}

void schedule::preparing(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::ready) {
        slot->now = place::state::starting;
    }
}

schedule::verdict schedule::result_arrived(worker_id worker, task_id id, bool doubtful) {
    auto* slot = find(worker);
    // A worker runs what it gets in the order in which it gets it.
    if (slot == nullptr || slot->under_way.empty() || slot->under_way.front() != id) {
        return verdict::impossible;
    }
    slot->under_way.pop_front();
    slot->last_finished = id;
    slot->nothing_to_take_back = false;
    if (std::exchange(slot->stopping, false) && slot->now == place::state::ready) {
        actions_.push_back(action::spare_worker{worker});
    }
    front_changed(*slot);

    auto result = verdict::outcome;
    auto& finished = unfinished_.at(id);
    if (finished.doom) {
        came_to_nothing(id, *finished.doom);
        result = verdict::too_late;
    } else if (doubtful && finished.attempts < finished.traits.retries) {
        finished.judged = true;
        result = verdict::doubtful;
    } else {
        unfinished_.erase(id);
    }
    advance();
    return result;
}

bool schedule::is_final(task_id id, bool again) {
    const auto found = unfinished_.find(id);
    if (found == unfinished_.end()) { // the pool was terminated meanwhile
        return false;
    }
    auto& judged = found->second;
    judged.judged = false;
    const bool final = !judged.doom && !again;
    if (final) {
        unfinished_.erase(found);
    } else {
        came_to_nothing(id, judged.doom.value_or(action::failure::worker_died));
    }
    advance();
    return final;
}

bool schedule::taken_back(worker_id worker, const std::vector<task_id>& tasks) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return true;
    }
    std::deque<task_id> returned;
    for (const auto id : tasks) {
        if (std::erase(slot->under_way, id) != 0) {
            returned.push_back(id);
        }
    }
    slot->given -= returned.size();
    slot->nothing_to_take_back = returned.empty();
    put_back(returned);
    advance();
    return terminated_ || returned.size() == tasks.size();
}

void schedule::settled(worker_id worker) {
    auto* slot = find(worker);
    if (slot == nullptr || !std::exchange(slot->settling, false)) {
        return;
    }
    const auto overdue = std::exchange(slot->overdue, 0);
    if (!slot->under_way.empty() && !slot->stopping) {
        const auto front = slot->under_way.front();
        if (const auto doom = unfinished_.at(front).doom) {
            stop_front(*slot, *doom);
        } else if (front == overdue) {
            stop_front(*slot, action::failure::timed_out);
        }
    }
    advance();
}

void schedule::undeliverable(worker_id worker, task_id id) {
    unfinished_.erase(id);
    if (auto* slot = find(worker)) {
        const bool was_front = !slot->under_way.empty() && slot->under_way.front() == id;
        std::erase(slot->under_way, id);
        --slot->given;
        if (was_front) {
            front_changed(*slot);
        }
    }
    advance();
}

void schedule::overdue(worker_id worker, task_id id) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::ready && !slot->stopping && !slot->under_way.empty() &&
        slot->under_way.front() == id) {
        slot->overdue = id;
        take_back_all(*slot);
    }
}

void schedule::ending(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::ready) {
        slot->now = place::state::leaving;
    }
}

void schedule::rested(task_id id) {
    if (unfinished_.contains(id)) {
        waiting_.push_back(id);
        advance();
    }
}

bool schedule::cancel(task_id id) {
    const auto found = unfinished_.find(id);
    if (found == unfinished_.end()) {
        return false;
    }
    const auto holder = std::ranges::find_if(slots_, [&](const auto& slot) {
        return std::ranges::find(slot.under_way, id) != slot.under_way.end();
    });
    if (holder != slots_.end()) {
        found->second.doom = action::failure::cancelled;
        if (!holder->stopping) {
            take_back_all(*holder);
        }
    } else if (found->second.judged) {
        found->second.doom = action::failure::cancelled;
    } else { // it waits, or rests
        fail(id, action::failure::cancelled);
        constexpr std::size_t few = 64;
        if (waiting_.size() > 2 * unfinished_.size() + few) {
            std::erase_if(waiting_, [&](auto each) { return !unfinished_.contains(each); });
        }
    }
    advance();
    return true;
}

void schedule::retire(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && !slot->retiring) {
        slot->retiring = true;
        if (slot->under_way.size() > 1) {
            take_back_all(*slot);
        }
        advance();
    }
}

void schedule::died(worker_id worker, task_id begun) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return;
    }
    if (const auto id = victim(*slot, begun)) {
        std::erase(slot->under_way, *id);
        came_to_nothing(*id, unfinished_.at(*id).doom.value_or(action::failure::worker_died));
    }
    put_back(slot->under_way);

    const bool was_starting = slot->now == place::state::starting;
    *slot = {.failed_starts = was_starting ? slot->failed_starts + 1 : 0};
    const bool needed = !terminated_ && (!closed_ || !unfinished_.empty());
    // Starts are given up only where nobody works: what keeps a worker from starting may pass, and then who
    // does work is to have company again.
    const bool somebody_works = std::ranges::any_of(slots_, [](const auto& each) {
        return each.now == place::state::ready || each.now == place::state::leaving;
    });
    failed_starts_ += was_starting && !somebody_works ? 1 : 0;
    if (needed && (!was_starting || somebody_works || failed_starts_ < most_start_attempts * slots_.size())) {
        const auto failed = std::min(slot->failed_starts, most_start_attempts);
        start(*slot, failed == 0 ? std::chrono::nanoseconds() : doubled(first_back_off, failed - 1));
    }
    if (std::ranges::all_of(slots_, [](const auto& each) { return each.now == place::state::vacant; })) {
        given_up_ = true;
        fail_all(action::failure::no_worker_starts);
    }
    advance();
}

bool schedule::is_idle(worker_id worker, task_id begun) const {
    const auto slot = std::ranges::find(slots_, worker, &place::worker);
    return slot != slots_.end() && (slot->now == place::state::ready || slot->now == place::state::leaving) &&
           !victim(*slot, begun);
}

/// The task that a dead worker takes along, if it had begun one.
std::optional<task_id> schedule::victim(const place& slot, task_id begun) {
    const auto& tasks = slot.under_way;
    if (std::ranges::find(tasks, begun) != tasks.end()) {
        return begun;
    }
    // A journal with rubbish in it: most likely the task did that, and it is not to do so elsewhere.
    const bool rubbish = begun != slot.last_finished;
    return rubbish && !tasks.empty() ? std::optional(tasks.front()) : std::nullopt;
}

std::chrono::nanoseconds schedule::doubled(std::chrono::nanoseconds first, std::size_t times) {
    const auto factor = std::int64_t{1} << std::min(times, most_doublings);
    return first > std::chrono::nanoseconds::max() / factor ? std::chrono::nanoseconds::max()
                                                            : first * factor;
}

void schedule::close() {
    closed_ = true;
    advance();
}

void schedule::terminate() {
    closed_ = true;
    terminated_ = true;
    fail_all(action::failure::pool_terminated);
    for (auto& slot : slots_) {
        slot.under_way.clear();
        if (slot.now != place::state::vacant) {
            slot.now = place::state::leaving;
            actions_.push_back(action::end_worker{slot.worker, {}});
        }
    }
}

bool schedule::has_room() const {
    return given_up_ || queued() < options_.capacity;
}

bool schedule::wants(worker_id worker) const {
    return std::ranges::any_of(slots_, [&](const auto& slot) {
        return slot.worker == worker && slot.now == place::state::starting;
    });
}

bool schedule::finished() const {
    return closed_ &&
           std::ranges::all_of(slots_, [](const auto& slot) { return slot.now == place::state::vacant; });
}

std::size_t schedule::running() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(slots_, [](const auto& slot) { return !slot.under_way.empty(); }));
}

schedule::place* schedule::find(worker_id worker) {
    const auto found = std::ranges::find(slots_, worker, &place::worker);
    return found == slots_.end() ? nullptr : &*found;
}

/// How many more tasks the worker may get.
std::size_t schedule::room_at(const place& slot) const {
    if (slot.now != place::state::ready || slot.settling || slot.stopping || slot.retiring) {
        return 0;
    }
    const auto ahead = options_.most_under_way - slot.under_way.size();
    return options_.max_tasks_per_child == 0 ? ahead
                                             : std::min(ahead, options_.max_tasks_per_child - slot.given);
}

bool schedule::may_get(const place& slot, task_id id) const {
    return room_at(slot) != 0 && (slot.under_way.empty() || !unfinished_.at(id).traits.bulky);
}

void schedule::start(place& slot, std::chrono::nanoseconds after) {
    slot.now = place::state::starting;
    slot.worker = ++last_worker_;
    actions_.push_back(action::start_worker{slot.worker, after});
}

/// A worker that has finished a task, or had none, goes on with the one that is now at the front.
void schedule::front_changed(const place& slot) {
    if (!slot.under_way.empty()) {
        const auto front = slot.under_way.front();
        const auto timeout = unfinished_.at(front).traits.timeout;
        if (timeout != std::chrono::nanoseconds::zero()) {
            actions_.push_back(action::start_timer{slot.worker, front, timeout});
        }
    }
}

void schedule::take_back_all(place& slot) {
    slot.settling = true;
    actions_.push_back(action::take_back{slot.worker, slot.under_way.size()});
}

void schedule::stop_front(place& slot, action::failure reason) {
    const auto id = slot.under_way.front();
    auto& stopped = unfinished_.at(id);
    stopped.doom = reason;
    slot.stopping = true;
    if (stopped.traits.takes_stop_token) {
        actions_.push_back(action::request_stop{slot.worker, id});
    }
    actions_.push_back(action::end_worker{slot.worker, stopped.traits.stop_grace});
}

/// They have not been begun, and are the next ones in their order. Those that were cancelled meanwhile never
/// run.
void schedule::put_back(const std::deque<task_id>& tasks) {
    for (auto id = tasks.rbegin(); id != tasks.rend(); ++id) {
        const auto found = unfinished_.find(*id);
        if (found == unfinished_.end()) {
            continue;
        }
        if (found->second.doom == action::failure::cancelled) {
            fail(*id, action::failure::cancelled);
        } else {
            found->second.doom.reset();
            waiting_.push_front(*id);
        }
    }
}

/// An attempt at the task is over, and there is no outcome: it is tried again, or fails.
void schedule::came_to_nothing(task_id id, action::failure reason) {
    auto& tried = unfinished_.at(id);
    if (reason == action::failure::cancelled || tried.attempts == tried.traits.retries) {
        fail(id, reason);
        return;
    }
    tried.doom.reset();
    actions_.push_back(action::rest_task{id, doubled(options_.retry_back_off, tried.attempts)});
    ++tried.attempts;
}

void schedule::fail(task_id id, action::failure reason) {
    unfinished_.erase(id);
    actions_.push_back(action::fail_task{id, reason});
}

void schedule::forget_those_that_wait_no_more() {
    while (!waiting_.empty() && !unfinished_.contains(waiting_.front())) {
        waiting_.pop_front();
    }
}

/// What follows from any change.
void schedule::advance() {
    hand_out();
    take_back_for_idle_workers();
    dismiss();
}

void schedule::hand_out() {
    for (forget_those_that_wait_no_more(); !waiting_.empty(); forget_those_that_wait_no_more()) {
        const auto id = waiting_.front();
        place* freest = nullptr;
        for (auto& slot : slots_) {
            if (may_get(slot, id) &&
                (freest == nullptr || slot.under_way.size() < freest->under_way.size())) {
                freest = &slot;
            }
        }
        if (freest == nullptr) {
            return;
        }
        waiting_.pop_front();
        freest->under_way.push_back(id);
        freest->nothing_to_take_back = false;
        ++freest->given;
        actions_.push_back(action::send_task{freest->worker, id});
        if (freest->under_way.size() == 1) {
            front_changed(*freest);
        }
    }
}

void schedule::take_back_for_idle_workers() {
    const bool somebody_idle = std::ranges::any_of(
        slots_, [&](const auto& slot) { return slot.under_way.empty() && room_at(slot) != 0; });
    if (!waiting_.empty() || !somebody_idle) {
        return;
    }
    const auto busiest = std::ranges::max_element(slots_, {}, [](const auto& slot) {
        return slot.now == place::state::ready && !slot.nothing_to_take_back ? slot.under_way.size() : 0;
    });
    if (busiest->under_way.size() > 1 && !busiest->nothing_to_take_back) {
        busiest->nothing_to_take_back = true; // until it is known: one request at a time
        actions_.push_back(action::take_back{busiest->worker, busiest->under_way.size() / 2});
    }
}

void schedule::dismiss() {
    for (auto& slot : slots_) {
        const bool alive = slot.now == place::state::ready || slot.now == place::state::starting;
        const bool worn_out = slot.retiring || (options_.max_tasks_per_child != 0 &&
                                                slot.given == options_.max_tasks_per_child);
        if (alive && slot.under_way.empty() && ((closed_ && unfinished_.empty()) || worn_out)) {
            slot.now = place::state::leaving;
            actions_.push_back(action::dismiss_worker{slot.worker});
        }
    }
}

void schedule::fail_all(action::failure reason) {
    for (const auto& [id, each] : unfinished_) {
        actions_.push_back(action::fail_task{id, reason});
    }
    unfinished_.clear();
    waiting_.clear();
}

} // namespace multiprocessing::detail
