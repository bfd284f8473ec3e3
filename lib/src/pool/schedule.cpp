// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/schedule.hpp"

#include <algorithm>

namespace multiprocessing::detail {

schedule::schedule(const schedule_options& options) : options_(options), slots_(options.workers) {
    for (auto& slot : slots_) {
        start(slot, {});
    }
}

void schedule::submitted(task_id task, bool bulky) {
    unfinished_.emplace(task, bulky);
    waiting_.push_back(task);
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

bool schedule::result_arrived(worker_id worker, task_id task) {
    auto* slot = find(worker);
    // A worker runs what it gets in the order in which it gets it.
    if (slot == nullptr || slot->under_way.empty() || slot->under_way.front() != task) {
        return false;
    }
    slot->under_way.pop_front();
    slot->last_finished = task;
    slot->nothing_to_take_back = false;
    unfinished_.erase(task);
    advance();
    return true;
}

void schedule::taken_back(worker_id worker, const std::vector<task_id>& tasks) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return;
    }
    for (const auto task : tasks) {
        std::erase(slot->under_way, task);
    }
    slot->given -= tasks.size();
    slot->nothing_to_take_back = tasks.empty();
    waiting_.insert(waiting_.begin(), tasks.begin(), tasks.end());
    advance();
}

void schedule::undeliverable(worker_id worker, task_id task) {
    if (auto* slot = find(worker)) {
        std::erase(slot->under_way, task);
        --slot->given;
    }
    unfinished_.erase(task);
    advance();
}

void schedule::died(worker_id worker, task_id begun) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return;
    }
    if (const auto task = victim(*slot, begun)) {
        std::erase(slot->under_way, *task);
        unfinished_.erase(*task);
        actions_.push_back(action::fail_task{*task, action::failure::worker_died});
    }
    waiting_.insert(waiting_.begin(), slot->under_way.begin(), slot->under_way.end());

    const bool was_starting = slot->now == place::state::starting;
    *slot = {.failed_starts = was_starting ? slot->failed_starts + 1 : 0};
    failed_starts_ += was_starting ? 1 : 0;
    const bool needed = !terminated_ && (!closed_ || !unfinished_.empty());
    if (needed && (!was_starting || failed_starts_ < most_start_attempts * slots_.size())) {
        start(*slot, back_off(*slot));
    }
    if (std::ranges::all_of(slots_, [](const auto& each) { return each.now == place::state::vacant; })) {
        given_up_ = true;
        fail_all(action::failure::no_worker_starts);
    }
    advance();
}

/// The task that a dead worker takes along, if it had begun one.
std::optional<task_id> schedule::victim(const place& slot, task_id begun) {
    const auto& tasks = slot.under_way;
    if (std::ranges::find(tasks, begun) != tasks.end()) {
        return begun;
    }
    // A journal with rubbish in it: most likely the task did that, and it is not to do so elsewhere.
    const bool rubbish = begun != 0 && begun != slot.last_finished;
    return rubbish && !tasks.empty() ? std::optional(tasks.front()) : std::nullopt;
}

std::chrono::milliseconds schedule::back_off(const place& slot) const {
    const auto doublings = std::min(slot.failed_starts, most_start_attempts);
    return doublings == 0 ? std::chrono::milliseconds() : first_back_off * (1 << (doublings - 1));
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
            actions_.push_back(action::end_worker{slot.worker});
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
    if (slot.now != place::state::ready) {
        return 0;
    }
    const auto ahead = most_under_way - slot.under_way.size();
    return options_.max_tasks_per_child == 0 ? ahead
                                             : std::min(ahead, options_.max_tasks_per_child - slot.given);
}

bool schedule::may_get(const place& slot, task_id task) const {
    return room_at(slot) != 0 && (slot.under_way.empty() || !unfinished_.at(task));
}

void schedule::start(place& slot, std::chrono::milliseconds after) {
    slot.now = place::state::starting;
    slot.worker = ++last_worker_;
    actions_.push_back(action::start_worker{slot.worker, after});
}

/// What follows from any change.
void schedule::advance() {
    hand_out();
    take_back_for_idle_workers();
    dismiss();
}

void schedule::hand_out() {
    while (!waiting_.empty()) {
        place* freest = nullptr;
        for (auto& slot : slots_) {
            if (may_get(slot, waiting_.front()) &&
                (freest == nullptr || slot.under_way.size() < freest->under_way.size())) {
                freest = &slot;
            }
        }
        if (freest == nullptr) {
            return;
        }
        const auto task = waiting_.front();
        waiting_.pop_front();
        freest->under_way.push_back(task);
        freest->nothing_to_take_back = false;
        ++freest->given;
        actions_.push_back(action::send_task{freest->worker, task});
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
        const bool worn_out = options_.max_tasks_per_child != 0 && slot.given == options_.max_tasks_per_child;
        if (alive && slot.under_way.empty() && ((closed_ && unfinished_.empty()) || worn_out)) {
            slot.now = place::state::leaving;
            actions_.push_back(action::dismiss_worker{slot.worker});
        }
    }
}

void schedule::fail_all(action::failure reason) {
    for (const auto& [task, bulky] : unfinished_) {
        actions_.push_back(action::fail_task{task, reason});
    }
    unfinished_.clear();
    waiting_.clear();
}

} // namespace multiprocessing::detail
