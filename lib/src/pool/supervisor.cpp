// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The supervisor: one thread that collects results, notices deaths, starts and ends workers.
#include "os/poll.hpp"
#include "os/process.hpp"
#include "pool/pool_core.hpp"

#include "child/outcome.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <ranges>

namespace multiprocessing::detail {

void pool_core::supervise() {
    os::set_process_name("mp-supervisor");
    lock held(mutex_);
    supervisor_id_ = std::this_thread::get_id();
    while (!schedule_.finished() || !workers_.empty()) {
        start_due_workers(held);
        kill_overdue_workers();
        // A worker rings only when it was told that nobody is looking; so tell it, look once more, and sleep.
        // All of them: between this and the sleep none may come in.
        if (!collect(false) && !collect(true)) {
            sleep(held);
        }
        perform();
        deliver(held);
    }
}

/// Takes what the workers have sent; whether there was anything.
bool pool_core::collect(bool announce_sleep) {
    bool anything = false;
    for (const auto& worker : workers_ | std::views::values) {
        if (announce_sleep) {
            worker->channel().expect_ring();
        }
        anything |= collect_from(*worker);
    }
    return anything;
}

bool pool_core::collect_from(worker& from) {
    bool anything = false;
    try {
        while (auto received = from.channel().receive()) {
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
    return anything;
}

void pool_core::handle(worker& from, frame received) {
    switch (received.kind) {
    case frame_kind::ready:
        if (from.answered()) {
            schedule_.ready(from.id());
        }
        return;
    case frame_kind::initializer_failed:
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
        if (schedule_.result_arrived(from.id(), received.id)) {
            complete(received.id, {.outcome = std::move(received.content), .error = received.lost});
            return;
        }
        if (terminated_) {
            return; // the task has been failed already
        }
        break;
    default:
        break;
    }
    throw nonsense_received("it sent a message that makes no sense");
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
        held.unlock(); // starting a process takes milliseconds
        std::unique_ptr<worker> started;
        std::string failure;
        try {
            started = std::make_unique<worker>(id);
        } catch (const std::exception& e) {
            failure = e.what();
        }
        held.lock();
        if (started) {
            insert(std::move(started));
        } else {
            dead_pid_ = 0;
            dead_exit_code_ = 0;
            epitaph_ = failure;
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
    if (!deliveries_.empty() || (schedule_.finished() && workers_.empty())) {
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
    for (const auto& [id, worker] : workers_) {
        const auto bell = set.add(worker->bell());
        const auto life = set.add(worker->process().handle());
        watched_workers.push_back({id, bell, life});
    }
    const auto deadline = next_due();
    held.unlock();
    set.wait(deadline);
    held.lock();

    if (set.is_readable(woken)) {
        os::clear_flag(wake_.get());
    }
    for (const auto& each : watched_workers) {
        if (set.is_readable(each.life)) {
            bury(each.id);
        } else if (set.is_readable(each.bell)) {
            answer(*workers_.at(each.id));
        }
    }
}

void pool_core::answer(worker& caller) {
    try {
        if (!caller.channel().answer_ring()) {
            caller.hung_up(std::chrono::steady_clock::now());
        }
    } catch (const nonsense_received& e) {
        caller.note(e.what());
        caller.kill();
    }
}

/// Takes over what a dead worker has sent, and has its work done by others.
void pool_core::bury(worker_id id) {
    const auto buried = std::move(workers_.extract(id).mapped()); // from here on nothing is sent to it
    auto& dead = *buried;
    dead.process().wait_until(steady_time::max());
    auto& channel = dead.channel();
    try {
        channel.answer_ring();
        while (auto received = channel.receive()) {
            handle(dead, std::move(*received));
        }
    } catch (const channel_broken&) {
        try {
            channel.salvage([&](frame received) { handle(dead, std::move(received)); });
        } catch (const std::exception&) { // nonsense to the end
        }
    } catch (const std::exception& e) { // no memory for what it sent
        dead.note(e.what());
    }
    dead_pid_ = dead.pid();
    dead_exit_code_ = dead.process().exit_code().value_or(0);
    epitaph_ = dead.epitaph();
    schedule_.died(id, channel.begun());
    perform();
}

void pool_core::kill_overdue_workers() {
    const auto now = std::chrono::steady_clock::now();
    for (const auto& worker : workers_ | std::views::values) {
        if (worker->kill_time() && *worker->kill_time() <= now) {
            worker->kill();
        }
    }
}

steady_time pool_core::next_due() const {
    // A worker that has scribbled over what it shares with the pool may forget to ring.
    constexpr std::chrono::seconds longest_sleep{1};
    auto earliest = workers_.empty() ? steady_time::max() : std::chrono::steady_clock::now() + longest_sleep;
    for (const auto& start : starts_) {
        earliest = std::min(earliest, start.due);
    }
    for (const auto& worker : workers_ | std::views::values) {
        earliest = std::min(earliest, worker->kill_time().value_or(steady_time::max()));
    }
    return earliest;
}

} // namespace multiprocessing::detail
