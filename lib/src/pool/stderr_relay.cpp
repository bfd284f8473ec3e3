// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/stderr_relay.hpp"

#include "start/child_process.hpp"

#include <chrono>
#include <utility>

namespace multiprocessing::detail {

void stderr_relay::start_watching(os::poll_set& set) {
    watched_.clear();
    for (auto& words : left_) {
        watch(set, words);
    }
}

void stderr_relay::watch(os::poll_set& set, last_words& words) {
    watched_.push_back(
        {&words, words.held_up() ? set.add_writer(os::standard_error) : set.add(words.source())});
}

void stderr_relay::forward(const os::poll_set& set) {
    for (const auto& each : watched_) {
        if (set.is_readable(each.index)) {
            each.words->forward();
        }
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
    while (!left_.empty() && std::chrono::steady_clock::now() < deadline) {
        os::poll_set set;
        start_watching(set);
        set.wait(deadline);
        forward(set);
    }
}

} // namespace multiprocessing::detail
