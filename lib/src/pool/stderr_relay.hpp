// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/event_set.hpp"
#include "pool/last_words.hpp"

#include <cstddef>
#include <list>
#include <map>
#include <span>

namespace multiprocessing::detail {

/// Forwards what a pool's workers write to stderr, and what those have left that are dead. The pool guards
/// it, but for `wait`, `take_over` and `finish`, which are the supervisor's: nobody else knows of the dead.
class stderr_relay {
public:
    using tag = os::event_set::tag;
    /// Of so many dead workers the rest is kept while stderr takes nothing; a pool whose workers die all the
    /// time is not to fill the memory.
    static constexpr std::size_t most_left = 64;

    /// `events` is to tell when there is something to forward.
    explicit stderr_relay(os::event_set& events) : events_(events) {}

    /// Has the events tell `name` when the worker has written. Throws `resource_error`.
    void watch(last_words& words, tag name) { events_.add(words.source(), name); }
    void stop_watching(last_words& words) noexcept;
    /// Forwards what is there.
    void forward(last_words& words, tag name);
    [[nodiscard]] bool is_held_up() const noexcept { return !held_up_.empty() || !left_.empty(); }
    void forward_what_was_held_up();
    /// Waits for the events; or, if something is held up, until stderr can be written to as well.
    static std::span<const tag> wait(os::event_set& events, bool is_held_up, steady_time deadline);

    /// Takes what a dead worker has left, and forwards it when stderr takes it.
    void take_over(last_words words);
    /// No worker is left. What stderr does not take within the grace period is lost.
    void finish();

private:
    os::event_set& events_;
    std::map<last_words*, tag> held_up_; // of the living
    std::list<last_words> left_;
};

} // namespace multiprocessing::detail
