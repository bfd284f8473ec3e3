// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/stderr_relay.hpp"

#include "os/poll.hpp"
#include "start/child_process.hpp"

#include <multiprocessing/error.hpp>

#include <chrono>
#include <utility>

namespace multiprocessing::detail {

void stderr_relay::stop_watching(last_words& words) noexcept {
    if (words.source() >= 0) {
        events_.remove(words.source());
    }
    held_up_.erase(&words);
}

void stderr_relay::forward(last_words& words, tag name) {
    const int source_before = words.source();
    words.forward();
    if (source_before >= 0 && words.source() < 0) {
        events_.remove(source_before);
    } else if (source_before < 0 && words.source() >= 0) {
        try {
            events_.add(words.source(), name);
        } catch (const resource_error&) { // then it is looked at when something comes of the worker
        }
    }
    if (words.held_up()) {
        held_up_.emplace(&words, name);
    } else {
        held_up_.erase(&words);
    }
}

std::span<const stderr_relay::tag> stderr_relay::wait(os::event_set& events, bool is_held_up,
                                                      steady_time deadline) {
    if (!is_held_up) {
        return events.wait(deadline);
    }
    os::poll_set set;
    set.add(events.get());
    set.add_writer(os::standard_error);
    set.wait(deadline);
    return events.wait(steady_time::min());
}

void stderr_relay::forward_what_was_held_up() {
    for (const auto& [words, name] : std::map(held_up_)) {
        forward(*words, name);
    }
    for (auto& words : left_) {
        words.forward();
    }
    left_.remove_if([](const auto& words) { return !words.held_up(); });
}

void stderr_relay::take_over(last_words words) {
    if (!words.held_up()) {
        return;
    }
    if (left_.size() == most_left) {
        left_.pop_front();
    }
    left_.push_back(std::move(words));
}

void stderr_relay::finish() {
    const auto deadline = std::chrono::steady_clock::now() + termination_grace;
    while (is_held_up() && std::chrono::steady_clock::now() < deadline) {
        (void)wait(events_, true, deadline);
        forward_what_was_held_up();
    }
}

} // namespace multiprocessing::detail
