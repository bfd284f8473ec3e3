// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The helpers: threads that use a pool, and meanwhile collect results; and how futures are completed, by them
// and by the supervisor.
#include "pool/checks.hpp"
#include "pool/pool_core.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <utility>
#include <vector>

namespace multiprocessing::detail {
namespace {

/// Whether this thread completes futures, and so may be in a function that a user has given to `then`. What
/// that submits is taken at once.
thread_local bool is_delivering = false;

/// Counts its scope, whichever way that is left.
class one_more {
public:
    explicit one_more(std::atomic<std::size_t>& count) noexcept : count_(count) { ++count_; }
    ~one_more() { --count_; }
    one_more(const one_more&) = delete;
    one_more& operator=(const one_more&) = delete;

private:
    std::atomic<std::size_t>& count_;
};

} // namespace

/// Takes what workers have sent by now. Who submits much does so itself, as long as it is at it: the
/// supervisor would have to be woken for that, and both would want the lock all the time.
void pool_core::look_around(lock& held) {
    if (is_delivering) {
        return;
    }
    submitted_since_look_ = 0;
    others_looked_.store(true, std::memory_order_relaxed);
    for (const auto& [id, worker] : workers_) {
        if (worker->channel().something_came()) {
            collect_from(*worker);
        }
    }
    perform();
    deliver_as_helper(held);
}

void pool_core::wait_for_room(lock& held, const std::stop_token& stop) {
    if (is_delivering) { // this thread makes the room: it must not wait for it
        return;
    }
    const auto is_over = [&] { return schedule_.has_room() || !schedule_.is_open(); };
    auto spin = spin_;
    held.unlock();
    {
        const one_more looking(others_looking_);
        (void)spin([&] {
            held.lock();
            look_around(held);
            const bool over = is_over();
            held.unlock();
            return over;
        });
    }
    held.lock();
    if (!is_over()) {
        wake_supervisor(); // which may have left the looking to this thread
    }
    ++waiting_for_room_;
    const bool over = room_.wait(held, stop, is_over);
    --waiting_for_room_;
    spin.learn();
    spin_ = spin;
    if (!over) {
        throw_no_room();
    }
}

/// Looks for a short while for what the worker sends, instead of having it wake the supervisor, which then
/// would wake this thread.
void pool_core::wait_for(std::uint64_t task, const completion& waited) {
    if (!is_made_here()) {
        waited.sleep();
        return;
    }
    lock held(mutex_);
    const auto runner = schedule_.holder_of(task);
    const auto take_what_came = [&](worker& from) {
        collect_from(from);
        perform();
        deliver_as_helper(held);
    };
    const auto have_it_ring = [&] {
        if (auto* watched = find(runner)) {
            watched->channel().expect_ring();
            take_what_came(*watched); // between the last look and this
        }
    };
    const auto look = [&] {
        if (!waited.ready() && held.try_lock()) {
            auto* watched = find(runner);
            if (watched != nullptr && watched->channel().something_came()) {
                take_what_came(*watched);
            }
            held.unlock();
        }
        return waited.ready();
    };
    auto spin = spin_; // others may wait as well
    if (auto* watched = find(runner)) {
        watched->channel().expect_no_ring();
    }
    held.unlock();
    try {
        (void)spin(look);
    } catch (...) { // no memory
        if (!held.owns_lock()) {
            held.lock();
        }
        have_it_ring();
        throw;
    }
    held.lock();
    have_it_ring();
    held.unlock();
    waited.sleep();
    spin.learn();
    held.lock();
    spin_ = spin;
}

/// Asks whether what came to a bad end is to be tried again, without the lock.
void pool_core::judge(lock& held) {
    while (!doubts_.empty()) {
        auto doubts = std::exchange(doubts_, {});
        held.unlock();
        std::vector<bool> again;
        for (const auto& each : doubts) {
            again.push_back(is_to_be_tried_again(each));
        }
        held.lock();
        for (std::size_t i = 0; i != doubts.size(); ++i) {
            if (schedule_.is_final(doubts[i].task, again[i])) {
                complete(doubts[i].task, std::move(doubts[i].outcome));
            }
        }
        perform();
    }
}

/// Completes the futures of what has its outcome, without the lock.
void pool_core::deliver(lock& held) {
    judge(held);
    complete_futures(held, [](completion& each) {
        each.part_is_complete();
        return true;
    });
}

/// The same on a user's thread that only helps, which may hold locks of the user's: where a function of the
/// user's is to be run it is left to the supervisor.
void pool_core::deliver_as_helper(lock& held) {
    complete_futures(held, [](completion& each) { return each.complete_unless_hooked(); });
    if (!finished_.empty() || !doubts_.empty()) {
        wake_supervisor();
    }
}

/// `complete` says whether it has done so.
template <class Complete>
void pool_core::complete_futures(lock& held, const Complete& complete) {
    if (waiting_for_room_ != 0 && (schedule_.has_room() || !schedule_.is_open())) {
        room_.notify_all();
    }
    if (finished_.empty()) {
        return;
    }
    auto finished = std::exchange(finished_, {});
    held.unlock();
    const bool is_outermost = !std::exchange(is_delivering, true);
    auto left = finished.begin();
    for (auto& each : finished) {
        each.kept.clear(); // first: who has the result can rely on it
        if (!complete(*each.completion)) {
            std::swap(*left++, each);
        }
    }
    finished.erase(left, finished.end());
    is_delivering = !is_outermost;
    held.lock();
    if (finished_.empty()) {
        finished_.swap(finished); // to use the memory again
    } else {
        std::ranges::move(finished, std::back_inserter(finished_));
    }
}

} // namespace multiprocessing::detail
