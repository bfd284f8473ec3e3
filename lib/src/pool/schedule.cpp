// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/schedule.hpp"

#include <algorithm>

namespace multiprocessing::detail {

schedule::schedule(const schedule_options& options)
    : options_(options),
      slots_(options.workers),
      summaries_(options.workers),
      with_room_(options.workers, options.most_under_way),
      vacant_(options.workers) {
    for (auto& slot : slots_) {
        start(slot, {});
    }
}

void schedule::submitted(task_id id, const task_traits& traits) {
    unfinished_.emplace(id).traits = traits;
    has_timeouts_ |= traits.timeout != std::chrono::nanoseconds::zero();
    has_news_ |= waiting_.empty(); // else those before it wait for room, as it does
    waiting_.push_back(id);
    if (given_up_) {
        fail_all(action::failure::no_worker_starts);
    }
}

void schedule::ready(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::starting) {
        enter(*slot, place::state::ready);
        slot->failed_starts = 0;
        failed_starts_ = 0;
        if (vacant_ != 0 && !closed_ &&
            options_.replaces_workers) { // what kept others from starting has passed
            for (auto& each : slots_) {
                if (each.now == place::state::vacant) {
                    start(each, {});
                }
            }
        }
        changed(*slot);
    }
}

void schedule::preparing(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && slot->now == place::state::ready) {
        enter(*slot, place::state::starting);
        changed(*slot);
    }
}

schedule::verdict schedule::result_arrived(worker_id worker, task_id id, bool doubtful) {
    auto* slot = find(worker);
    // A worker runs what it gets in the order in which it gets it.
    if (slot == nullptr || slot->under_way.empty() || slot->under_way.front() != id) {
        return verdict::impossible;
    }
    slot->under_way.pop_front();
    ++slot->finished;
    slot->last_finished = id;
    slot->nothing_to_take_back = false;
    if (std::exchange(slot->stopping, false) && slot->now == place::state::ready) {
        actions_.push_back(action::spare_worker{worker});
    }
    front_changed(*slot);
    if (slot->under_way.empty()) {
        changed(*slot);
    } else {
        note(*slot);
    }

    auto result = verdict::outcome;
    auto& finished = *unfinished_.find(id);
    finished.holder = nullptr;
    if (finished.doom) {
        came_to_nothing(id, *finished.doom);
        result = verdict::too_late;
    } else if (doubtful && finished.attempts < finished.traits.retries) {
        finished.judged = true;
        result = verdict::doubtful;
    } else {
        unfinished_.erase(id);
    }
    return result;
}

bool schedule::is_final(task_id id, bool again) {
    auto* judged = unfinished_.find(id);
    if (judged == nullptr) { // the pool was terminated meanwhile
        return false;
    }
    has_news_ = true;
    judged->judged = false;
    const bool final = !judged->doom && !again;
    if (final) {
        unfinished_.erase(id);
    } else {
        came_to_nothing(id, judged->doom.value_or(action::failure::worker_died));
    }
    return final;
}

bool schedule::taken_back(worker_id worker, const std::vector<task_id>& tasks) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return true;
    }
    const auto front = slot->under_way.empty() ? task_id{0} : slot->under_way.front();
    std::deque<task_id> returned;
    auto at = slot->under_way.begin();
    for (const auto id : tasks) { // in the order in which they were sent
        const auto found = std::find(at, slot->under_way.end(), id);
        if (found != slot->under_way.end()) {
            at = slot->under_way.erase(found);
            returned.push_back(id);
        }
    }
    slot->given -= returned.size();
    slot->nothing_to_take_back = returned.empty();
    if (!returned.empty() && returned.front() == front) { // the worker was between two tasks
        front_changed(*slot);
    }
    put_back(returned);
    changed(*slot);
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
        if (const auto doom = unfinished_.find(front)->doom) {
            stop_front(*slot, *doom);
        } else if (front == overdue) {
            stop_front(*slot, action::failure::timed_out);
        }
    }
    changed(*slot);
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
        changed(*slot);
    }
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
        enter(*slot, place::state::leaving);
        changed(*slot);
        if (!slot->stopping && !slot->under_way.empty()) {
            take_back_all(*slot);
        }
    }
}

void schedule::rested(task_id id) {
    if (unfinished_.contains(id)) {
        waiting_.push_back(id);
        has_news_ = true;
    }
}

bool schedule::cancel(task_id id) {
    auto* cancelled = unfinished_.find(id);
    if (cancelled == nullptr) {
        return false;
    }
    has_news_ = true;
    if (auto* holder = cancelled->holder; holder != nullptr) {
        cancelled->doom = action::failure::cancelled;
        if (!holder->stopping) {
            take_back_all(*holder);
        }
    } else if (cancelled->judged) {
        cancelled->doom = action::failure::cancelled;
    } else { // it waits, or rests
        fail(id, action::failure::cancelled);
        constexpr std::size_t few = 64;
        if (waiting_.size() > 2 * unfinished_.size() + few) {
            std::erase_if(waiting_, [&](auto each) { return !unfinished_.contains(each); });
        }
    }
    return true;
}

void schedule::retire(worker_id worker) {
    auto* slot = find(worker);
    if (slot != nullptr && !slot->retiring) {
        slot->retiring = true;
        if (slot->under_way.size() > 1) {
            take_back_all(*slot);
        }
        changed(*slot);
    }
}

void schedule::died(worker_id worker, task_id begun) {
    auto* slot = find(worker);
    if (slot == nullptr) {
        return;
    }
    if (const auto id = victim(*slot, begun)) {
        std::erase(slot->under_way, *id);
        auto& lost = *unfinished_.find(*id);
        lost.holder = nullptr;
        came_to_nothing(*id, lost.doom.value_or(action::failure::worker_died));
    }
    put_back(slot->under_way);

    const bool was_starting = slot->now == place::state::starting;
    places_.erase(worker);
    enter(*slot, place::state::vacant);
    *slot = {.failed_starts = was_starting ? slot->failed_starts + 1 : 0, .has_changed = slot->has_changed};
    changed(*slot);
    const bool needed = options_.replaces_workers && !terminated_ && (!closed_ || !unfinished_.empty());
    // Starts are given up only where nobody works: what keeps a worker from starting may pass, and then who
    // does work is to have company again.
    const bool somebody_works = working_ != 0;
    failed_starts_ += was_starting && !somebody_works ? 1 : 0;
    if (needed && (!was_starting || somebody_works || failed_starts_ < most_start_attempts * slots_.size())) {
        const auto failed = std::min(slot->failed_starts, most_start_attempts);
        start(*slot, failed == 0 ? std::chrono::nanoseconds() : doubled(first_back_off, failed - 1));
    }
    if (vacant_ == slots_.size()) {
        given_up_ = true;
        fail_all(action::failure::no_worker_starts);
    }
}

bool schedule::is_idle(worker_id worker, task_id begun) const {
    const auto* slot = find(worker);
    return slot != nullptr && (slot->now == place::state::ready || slot->now == place::state::leaving) &&
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
    has_news_ = true;
}

void schedule::terminate() {
    closed_ = true;
    terminated_ = true;
    fail_all(action::failure::pool_terminated);
    for (auto& slot : slots_) {
        slot.under_way.clear();
        if (slot.now != place::state::vacant) {
            enter(slot, place::state::leaving);
            actions_.push_back(action::end_worker{slot.worker, {}});
        }
        changed(slot);
    }
}

bool schedule::has_room() const {
    return given_up_ || queued() < options_.capacity;
}

bool schedule::wants(worker_id worker) const {
    const auto* slot = find(worker);
    return slot != nullptr && slot->now == place::state::starting;
}

bool schedule::finished() const {
    return closed_ && vacant_ == slots_.size();
}

std::size_t schedule::under_way_to(worker_id worker) const {
    const auto* slot = find(worker);
    return slot == nullptr ? 0 : slot->under_way.size();
}

worker_id schedule::holder_of(task_id task) const {
    const auto* found = unfinished_.find(task);
    return found == nullptr || found->holder == nullptr ? 0 : found->holder->worker;
}

schedule::place* schedule::find(worker_id worker) const {
    const auto found = places_.find(worker);
    return found == places_.end() ? nullptr : found->second;
}

void schedule::enter(place& slot, place::state next) {
    const auto works = [](auto state) {
        return state == place::state::ready || state == place::state::leaving ? std::size_t{1} : 0;
    };
    const auto is_vacant = [](auto state) { return state == place::state::vacant ? std::size_t{1} : 0; };
    working_ += works(next) - works(slot.now);
    vacant_ += is_vacant(next) - is_vacant(slot.now);
    slot.now = next;
}

/// What the place has under way has changed, but not whether that is anything.
void schedule::note(place& slot) {
    has_news_ = true;
    if (!std::exchange(slot.has_changed, true)) {
        changed_.push_back(&slot);
    }
}

/// To be called when anything else about a place has changed.
void schedule::changed(place& slot) {
    note(slot);
    const auto number = static_cast<std::size_t>(&slot - slots_.data());
    auto& seen = summaries_[number];
    const auto load = static_cast<std::uint32_t>(slot.under_way.size());
    const summary next{.load = room_at(slot) == 0 ? summary::full : load,
                       .takeable = slot.now == place::state::ready && !slot.nothing_to_take_back ? load : 0,
                       .is_running = load != 0};
    if (next.load != seen.load) {
        if (seen.load != summary::full) {
            with_room_.erase(number, seen.load);
        }
        if (next.load != summary::full) {
            with_room_.insert(number, next.load);
        }
    }
    running_ += static_cast<std::size_t>(next.is_running) - static_cast<std::size_t>(seen.is_running);
    with_several_ +=
        static_cast<std::size_t>(next.takeable > 1) - static_cast<std::size_t>(seen.takeable > 1);
    seen = next;
}

/// How many more tasks the worker may get.
std::size_t schedule::room_at(const place& slot) const {
    if (slot.now != place::state::ready || slot.settling || slot.stopping || slot.retiring) {
        return 0;
    }
    const auto ahead = slot.window - std::min(slot.window, slot.under_way.size());
    return options_.max_tasks_per_child == 0 ? ahead
                                             : std::min(ahead, options_.max_tasks_per_child - slot.given);
}

void schedule::adapt_window(place& slot) const {
    const auto finished = std::exchange(slot.finished, 0);
    if (finished == 0) {
        return;
    }
    if (slot.under_way.empty() && !waiting_.empty()) {
        slot.window = std::min(2 * slot.window, options_.most_under_way);
    } else if (4 * finished <= slot.window) {
        slot.window -= slot.window / 4;
    }
}

void schedule::start(place& slot, std::chrono::nanoseconds after) {
    enter(slot, place::state::starting);
    slot.worker = ++last_worker_;
    slot.window = std::min(first_window, options_.most_under_way);
    places_.emplace(slot.worker, &slot);
    changed(slot);
    actions_.push_back(action::start_worker{slot.worker, after});
}

/// A worker that has finished a task, or had none, goes on with the one that is now at the front.
void schedule::front_changed(const place& slot) {
    if (has_timeouts_ && !slot.under_way.empty()) {
        const auto front = slot.under_way.front();
        const auto timeout = unfinished_.find(front)->traits.timeout;
        if (timeout != std::chrono::nanoseconds::zero()) {
            actions_.push_back(action::start_timer{slot.worker, front, timeout});
        }
    }
}

void schedule::take_back_all(place& slot) {
    slot.settling = true;
    changed(slot);
    actions_.push_back(action::take_back{slot.worker, slot.under_way.size()});
}

void schedule::stop_front(place& slot, action::failure reason) {
    const auto id = slot.under_way.front();
    auto& stopped = *unfinished_.find(id);
    stopped.doom = reason;
    slot.stopping = true;
    changed(slot);
    if (stopped.traits.takes_stop_token) {
        actions_.push_back(action::request_stop{slot.worker, id});
    }
    actions_.push_back(action::end_worker{slot.worker, stopped.traits.stop_grace});
}

/// They have not been begun, and are the next ones in their order. Those that were cancelled meanwhile never
/// run.
void schedule::put_back(const std::deque<task_id>& tasks) {
    for (auto id = tasks.rbegin(); id != tasks.rend(); ++id) {
        auto* returned = unfinished_.find(*id);
        if (returned == nullptr) {
            continue;
        }
        returned->holder = nullptr;
        if (returned->doom == action::failure::cancelled) {
            fail(*id, action::failure::cancelled);
        } else {
            returned->doom.reset();
            waiting_.push_front(*id);
        }
    }
}

/// An attempt at the task is over, and there is no outcome: it is tried again, or fails.
void schedule::came_to_nothing(task_id id, action::failure reason) {
    auto& tried = *unfinished_.find(id);
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

/// What follows from all that has happened.
void schedule::advance() {
    for (auto* slot : changed_) {
        adapt_window(*slot);
        changed(*slot);
    }
    forget_those_that_wait_no_more();
    hand_out();
    take_back_for_idle_workers();
    if (closed_ && unfinished_.empty()) {
        std::ranges::for_each(slots_, [&](auto& slot) { dismiss_if_done(slot); });
    }
    for (auto* slot : changed_) {
        dismiss_if_done(*slot);
        slot->has_changed = false;
    }
    changed_.clear();
}

void schedule::hand_out() {
    for (; !waiting_.empty(); forget_those_that_wait_no_more()) {
        const auto id = waiting_.front();
        const auto freest = with_room_.freest();
        auto& task = *unfinished_.find(id);
        if (!freest || (task.traits.bulky && freest->load != 0)) {
            return;
        }
        waiting_.pop_front();
        auto& slot = slots_[freest->place];
        task.holder = &slot;
        slot.under_way.push_back(id);
        slot.nothing_to_take_back = false;
        ++slot.given;
        changed(slot);
        actions_.push_back(action::send_task{slot.worker, id});
        if (slot.under_way.size() == 1) {
            front_changed(slot);
        }
    }
}

void schedule::take_back_for_idle_workers() {
    if (with_several_ == 0 || !waiting_.empty()) {
        return;
    }
    if (const auto freest = with_room_.freest(); !freest || freest->load != 0) {
        return; // nobody is idle
    }
    const auto busiest = std::ranges::max_element(summaries_, {}, &summary::takeable);
    auto& slot = slots_[static_cast<std::size_t>(busiest - summaries_.begin())];
    slot.nothing_to_take_back = true; // until it is known: one request at a time
    changed(slot);
    actions_.push_back(action::take_back{slot.worker, slot.under_way.size() / 2});
}

void schedule::dismiss_if_done(place& slot) {
    const bool alive = slot.now == place::state::ready || slot.now == place::state::starting;
    const bool worn_out =
        slot.retiring || (options_.max_tasks_per_child != 0 && slot.given == options_.max_tasks_per_child);
    if (alive && slot.under_way.empty() && ((closed_ && unfinished_.empty()) || worn_out)) {
        enter(slot, place::state::leaving);
        changed(slot);
        actions_.push_back(action::dismiss_worker{slot.worker});
    }
}

void schedule::fail_all(action::failure reason) {
    unfinished_.for_each_id([&](task_id id) { actions_.push_back(action::fail_task{id, reason}); });
    unfinished_ = {};
    waiting_.clear();
}

} // namespace multiprocessing::detail
