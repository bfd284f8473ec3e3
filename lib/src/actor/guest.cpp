// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/guest.hpp"

#include "child/outcome.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <span>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// What is larger is copied and sent by the server's thread: the one that completes calls has others to look
/// after.
constexpr std::size_t most_at_once = std::size_t{16} << 10;

} // namespace

void actor_guest::add_to(os::poll_set& all) {
    index_ = all.add(socket_.get());
    if (has_answers()) {
        all.add_writer(socket_.get());
    }
}

void actor_guest::has_called(std::uint64_t id, const std::shared_ptr<completion>& state) {
    const std::lock_guard lock(mutex_);
    if (!calls_.emplace(id, state).second) {
        throw nonsense_received("a call has the id of another");
    }
}

void actor_guest::cancel(std::uint64_t id) {
    std::shared_ptr<completion> state;
    {
        const std::lock_guard lock(mutex_);
        const auto found = calls_.find(id);
        state = found != calls_.end() ? found->second.lock() : nullptr;
    }
    if (state != nullptr) {
        (void)state->cancel(); // which may complete it, here
    }
}

void actor_guest::answer(std::uint64_t id, payload outcome, std::string printed) {
    const std::lock_guard lock(mutex_);
    const bool is_short = std::max(outcome.bytes().size(), printed.size()) <= most_at_once;
    calls_.erase(id);
    to_send_.push_back({id, std::move(outcome), std::move(printed)});
    // Behind others it is sent with them.
    if (to_send_.size() == 1 && (!is_short || !send_what_fits())) {
        os::set_flag(wake_->get());
    }
}

void actor_guest::answer_number(std::uint64_t id, long number) {
    bytes encoded;
    put_value(std::as_bytes(std::span(&number, 1)), encoded);
    answer(id, copy_of(encoded));
}

void actor_guest::answer_failure(std::uint64_t id, const std::exception_ptr& why) {
    answer(id, outcome_of(why));
}

void actor_guest::send_answers() {
    const std::lock_guard lock(mutex_);
    (void)send_what_fits();
}

bool actor_guest::has_answers() {
    const std::lock_guard lock(mutex_);
    return !to_send_.empty();
}

/// False when something is left, for which there is no room at the moment.
bool actor_guest::send_what_fits() {
    while (!to_send_.empty()) {
        if (send(to_send_.front()) == os::delivery::no_room) {
            return false;
        }
        to_send_.pop_front(); // also if nobody is there any more, which the thread will see
    }
    return true;
}

os::delivery actor_guest::send(unsent& next) {
    if (!next.printed.empty()) {
        const auto sent = send(next, packet_kind::printed, std::as_bytes(std::span(next.printed)));
        if (sent != os::delivery::done) {
            return sent;
        }
        next.printed.clear();
    }
    return send(next, packet_kind::outcome, next.outcome.bytes());
}

os::delivery actor_guest::send(unsent& next, packet_kind kind, std::span<const std::byte> content) {
    try {
        if (!next.packet) {
            next.packet.emplace(kind, value_bytes{content, {}});
        }
        const auto sent = next.packet->send(socket_.get(), next.id);
        if (sent == os::delivery::done) {
            next.packet.reset();
        }
        return sent;
    } catch (const resource_error&) { // there is no memory or descriptor for it
        next.printed.clear();
        next.outcome = outcome_of(std::current_exception());
        next.packet.emplace(packet_kind::outcome, value_bytes{next.outcome.bytes(), {}});
        return os::delivery::no_room; // for the moment
    }
}

} // namespace multiprocessing::detail
