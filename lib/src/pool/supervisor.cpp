// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The supervisor: one thread that collects results, notices deaths, starts and ends workers.
#include "os/poll.hpp"
#include "os/process.hpp"
#include "pool/pool_core.hpp"

#include "child/outcome.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>

namespace multiprocessing::detail {

void pool_core::supervise() {
    os::set_process_name("mp-supervisor");
    lock held(mutex_);
    supervisor_id_ = std::this_thread::get_id();
    while (!schedule_.finished() || !workers_.empty()) {
        start_due_workers(held);
        look_at_the_clock(held);
        // A worker rings only when it was told that nobody is looking; so tell it, look once more, and sleep.
        // All of them: between this and the sleep none may come in.
        if (!collect(false) && !collect(true)) {
            sleep(held);
        }
        perform();
        deliver(held);
    }
    held.unlock();
    relay_.finish();
}

/// Takes what the workers have sent; whether there was anything.
bool pool_core::collect(bool announce_sleep) {
    bool anything = false;
    for (const auto& [id, worker] : workers_) {
        if (announce_sleep) {
            worker->channel().expect_ring();
        }
        anything |= collect_from(*worker);
    }
    return anything;
}

bool pool_core::collect_from(worker& from) {
    constexpr int most_in_a_turn = 64;
    bool anything = false;
    try {
        for (int i = 0; i != most_in_a_turn; ++i) { // others and the clock have their turns as well
            auto received = from.channel().receive();
            if (!received) {
                break;
            }
            handle(from, std::move(*received));
            anything = true;
        }
    } catch (const nonsense_received& e) {
        from.note(e.what());
        from.kill();
    } catch (const channel_broken&) { // it died, or is dying, inside an operation
        from.kill();
    } catch (const std::exception& e) { // no memory for what it sent
        from.note(e.what());
        from.kill();
    }
    if (anything) {
        from.words().forward(); // what a task has written is seen before its future is complete
    }
    return anything;
}

void pool_core::handle(worker& from, frame received) {
    switch (received.kind) {
    case frame_kind::ready:
        if (!from.expects_answer()) {
            break;
        }
        if (from.answered()) {
            schedule_.ready(from.id());
        }
        return;
    case frame_kind::initializer_failed:
        if (!from.expects_answer()) {
            break;
        }
        (void)from.answered();
        if (received.lost) {
            from.note("its initializer failed, and " + describe(received.lost));
            return;
        }
        if (is_value(received.content.bytes)) {
            break;
        }
        from.note("its initializer failed with " + describe(exception_in(received.content.bytes)));
        return;
    case frame_kind::result:
        if (take_result(from, std::move(received))) {
            return;
        }
        break;
    default:
        break;
    }
    throw nonsense_received("it sent a message that makes no sense");
}

/// False when it cannot be a result of that worker's.
bool pool_core::take_result(worker& from, frame result) {
    const auto found = tasks_.find(result.id);
    const bool doubtful =
        found != tasks_.end() && found->second.retry_if && !result.lost && is_exception(result.content.bytes);
    switch (schedule_.result_arrived(from.id(), result.id, doubtful)) {
    case schedule::verdict::impossible:
        return terminated_; // then the task has been failed already
    case schedule::verdict::outcome:
        complete(result.id, {.outcome = std::move(result.content), .error = result.lost});
        break;
    case schedule::verdict::doubtful:
        doubts_.push_back({result.id, std::move(result.content), found->second.retry_if});
        break;
    case schedule::verdict::too_late:
        break;
    }
    if (options_.max_rss != 0 && os::resident_memory(from.pid()) > options_.max_rss) {
        schedule_.retire(from.id());
    }
    return true;
}

void pool_core::start_due_workers(lock& held) {
    const auto now = std::chrono::steady_clock::now();
    while (true) {
        const auto due = std::ranges::find_if(starts_, [&](const auto& start) { return start.due <= now; });
        if (due == starts_.end()) {
            return;
        }
        const auto id = due->worker;
        starts_.erase(due);
        const auto cpu = free_cpu();
        held.unlock(); // starting a process takes milliseconds
        std::unique_ptr<worker> started;
        std::string failure;
        try {
            started = std::make_unique<worker>(id, options_, settings_, cpu);
        } catch (const std::exception& e) {
            failure = e.what();
        }
        held.lock();
        if (started) {
            insert(std::move(started));
        } else {
            dead_ = {.epitaph = failure};
            schedule_.died(id, 0);
        }
        perform();
    }
}

void pool_core::insert(std::unique_ptr<worker> started) {
    auto& inserted = *workers_.emplace(started->id(), std::move(started)).first->second;
    if (!schedule_.wants(inserted.id())) {
        inserted.kill(); // the pool was closed meanwhile
    } else if (initializer_) {
        prepare(inserted);
    }
}

void pool_core::sleep(lock& held) {
    if (!deliveries_.empty() || !doubts_.empty() || (schedule_.finished() && workers_.empty())) {
        return;
    }
    struct watched {
        worker_id id;
        std::size_t bell;
        std::size_t life;
    };
    os::poll_set set;
    std::vector<watched> watched_workers;
    const auto woken = set.add(wake_.get());
    relay_.start_watching(set);
    for (const auto& [id, worker] : workers_) {
        const auto bell = set.add(worker->bell());
        const auto life = set.add(worker->life());
        watched_workers.push_back({id, bell, life});
        relay_.watch(set, worker->words());
    }
    asleep_until_ = next_due();
    tasks_came_ = false;
    const auto deadline = asleep_until_;
    held.unlock();
    set.wait(deadline);
    held.lock();
    relay_.forward(set);
    asleep_until_ = steady_time::min();

    if (set.is_readable(woken)) {
        os::clear_flag(wake_.get());
    }
    for (const auto& each : watched_workers) {
        auto& worker = *workers_.at(each.id);
        if (set.is_readable(each.life)) {
            if (worker.process().exit_code()) {
                bury(held, each.id);
            } else { // who traces it holds it: the others go on
                collect_from(worker);
                worker.is_held(schedule_.is_idle(each.id, worker.channel().begun()));
                schedule_.ending(each.id);
            }
        } else if (set.is_readable(each.bell)) {
            answer(worker);
        }
    }
}

void pool_core::answer(worker& caller) {
    try {
        if (!caller.channel().answer_ring()) {
            caller.hung_up(std::chrono::steady_clock::now());
        }
    } catch (const std::exception& e) { // nonsense, or no memory for it
        caller.note(e.what());
        caller.kill();
    }
}

/// Takes over what a dead worker has sent, and has its work done by others.
void pool_core::bury(lock& held, worker_id id) {
    const auto buried = std::move(workers_.extract(id).mapped()); // from here on nothing is sent to it
    auto& dead = *buried;
    dead.words().drain(); // before the futures of what it has sent are complete
    try {
        dead.channel().receive_rest([&](frame received) { handle(dead, std::move(received)); });
    } catch (const nonsense_received&) { // to the end
    } catch (const std::exception& e) {  // no memory for what it sent
        dead.note(e.what());
    }
    held.unlock(); // others need not wait for a diagnosis
    auto how = dead.death();
    relay_.take_over(std::move(dead.words()));
    held.lock();
    dead_ = std::move(how);
    schedule_.died(id, dead.channel().begun());
    perform();
}

/// Does what is due by now.
void pool_core::look_at_the_clock(lock& held) {
    const auto now = std::chrono::steady_clock::now();
    std::vector<worker_id> abandoned;
    for (const auto& [id, worker] : workers_) {
        if (worker->overdue.time <= now) {
            schedule_.overdue(worker->id(), std::exchange(worker->overdue, {}).task);
        }
        if (worker->end_time <= now) {
            ask_to_end(*worker, now);
        }
        if (worker->kill_time() <= now) {
            worker->kill();
        }
        if (worker->look_again <= now) {
            worker->look_again = steady_time::max();
        }
        if (worker->abandon_time() <= now) {
            abandoned.push_back(id);
        }
    }
    for (const auto id : abandoned) {
        workers_.at(id)->abandon();
        bury(held, id);
    }
    std::erase_if(resting_, [&](const auto& resting) {
        if (resting.due > now) {
            return false;
        }
        schedule_.rested(resting.task);
        return true;
    });
    perform();
}

steady_time pool_core::next_due() const {
    // A worker that has scribbled over what it shares with the pool may forget to ring.
    constexpr std::chrono::seconds longest_sleep{1};
    auto earliest = tasks_came_ || schedule_.running() != 0 ? std::chrono::steady_clock::now() + longest_sleep
                                                            : steady_time::max();
    for (const auto& start : starts_) {
        earliest = std::min(earliest, start.due);
    }
    for (const auto& resting : resting_) {
        earliest = std::min(earliest, resting.due);
    }
    for (const auto& [id, worker] : workers_) {
        earliest = std::min(earliest, worker->next_due());
    }
    return earliest;
}

} // namespace multiprocessing::detail
