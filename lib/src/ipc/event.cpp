// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/named_object.hpp"
#include "ipc/occasion.hpp"

#include <multiprocessing/synchronization.hpp>

#include <atomic>

namespace multiprocessing {
namespace {

/// In shared memory, written by all.
struct event_state {
    static constexpr std::uint32_t is_set = 1;

    std::atomic<std::uint32_t> word{0}; // | how often it was set | whether it is |
    detail::occasion happened{};
};

constexpr detail::object_kind kind{"event", sizeof(event_state)};

std::shared_ptr<detail::named_object> make() {
    auto object = make_object(kind, sizeof(event_state));
    object->set_up<event_state>();
    return object;
}

} // namespace

event::event() : object_handle(make()) {}
event::event(opened, const std::string& name) : object_handle(open_object(kind, name)) {}

void event::set() {
    auto& state = object().state<event_state>();
    for (auto seen = state.word.load(); (seen & event_state::is_set) == 0;) {
        if (state.word.compare_exchange_weak(seen, (seen + 2) | event_state::is_set)) {
            state.happened.announce_to_all_who_sleep();
            return;
        }
    }
}

void event::clear() {
    object().state<event_state>().word.fetch_and(~event_state::is_set);
}

bool event::is_set() const noexcept {
    return (object().state<event_state>().word.load() & event_state::is_set) != 0;
}

bool event::wait_before(const detail::wait_limit& limit) const {
    auto& state = object().state<event_state>();
    const auto before = state.word.load();
    const auto was_set = [&] {
        const auto now = state.word.load();
        return (now & event_state::is_set) != 0 || (now ^ before) > event_state::is_set;
    };
    return wait_until_done(state.happened, limit, was_set, [] { return false; });
}

} // namespace multiprocessing
