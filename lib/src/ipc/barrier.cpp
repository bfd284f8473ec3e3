// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// barrier: what the parties agree on is one word. That a party has died shows where it has taken a place, a
// mutex which the system takes back from the dead.
#include "ipc/barrier_rounds.hpp"
#include "ipc/named_object.hpp"
#include "ipc/occasion.hpp"
#include "os/robust_mutex.hpp"

#include <multiprocessing/synchronization.hpp>

#include <atomic>
#include <optional>
#include <span>
#include <stdexcept>

namespace multiprocessing {
namespace {

using detail::barrier_rounds;
using detail::round_outcome;
using place = os::robust_mutex;

/// In shared memory, written by all:
///
///     | rounds | ended | place | place ...
///
/// There are twice as many places as parties: some are still taken by parties of the last round that have
/// not run since, and some are being looked at.
struct barrier_state {
    std::atomic<barrier_rounds> rounds{barrier_rounds{}};
    detail::occasion ended{}; // a round, for better or worse
};
static_assert(std::atomic<barrier_rounds>::is_always_lock_free);
static_assert(sizeof(barrier_state) % alignof(place) == 0);

constexpr std::size_t size_of_party = 2 * sizeof(place);
constexpr detail::object_kind kind{"barrier", sizeof(barrier_state) + size_of_party};

std::shared_ptr<detail::named_object> make(std::size_t parties) {
    if (parties == 0 || parties > barrier::max()) {
        throw std::invalid_argument("multiprocessing::barrier: 0 < parties <= max() is needed");
    }
    auto object = make_object(kind, sizeof(barrier_state) + parties * size_of_party);
    object->set_up<barrier_state>();
    auto* const places = object->data() + sizeof(barrier_state);
    for (std::size_t i = 0; i != 2 * parties; ++i) {
        ::new (places + i * sizeof(place)) place;
    }
    return object;
}

/// As many as there is memory for, whatever is written in there.
std::size_t parties_of(const detail::named_object& object) {
    return (object.size() - sizeof(barrier_state)) / size_of_party;
}

std::span<place> places_of(const detail::named_object& object) {
    auto* const first = object.data() + sizeof(barrier_state);
    return {std::launder(reinterpret_cast<place*>(first)), 2 * parties_of(object)};
}

[[noreturn]] void throw_broken(round_outcome why) {
    switch (why) {
    case round_outcome::aborted:
        throw broken_barrier("the barrier is broken: somebody has called abort");
    case round_outcome::timed_out:
        throw broken_barrier("the barrier is broken: a party has waited for as long as it wanted to");
    case round_outcome::party_died:
        throw broken_barrier("the barrier is broken: a party died while it waited");
    default:
        throw broken_barrier("the barrier was reset while parties waited");
    }
}

/// Whether a party has died there: one that is no mutex any more says nothing of its party.
bool tells_of_death(os::lock_result result) {
    return result == os::lock_result::inherited || result == os::lock_result::refused;
}

os::lock_result look_at(place& one) {
    const auto result = one.try_lock();
    if (is_locked(result)) {
        one.unlock();
    }
    return result;
}

/// What whoever waits has locked, so that its death shows.
class taken_place {
public:
    /// The first that is free, from there on. When there is none, more threads than there are parties have
    /// been let through and have not run since: then it goes without.
    taken_place(std::span<place> places, std::size_t first_choice) : places_(places) {
        for (std::size_t i = 0; i != places.size() && taken_ == nullptr; ++i) {
            own_ = (first_choice + i) % places.size();
            const auto result = places[own_].try_lock();
            if (is_locked(result)) {
                taken_ = &places[own_];
            }
            met_a_dead_one_ |= tells_of_death(result);
        }
    }
    ~taken_place() {
        if (taken_ != nullptr) {
            taken_->unlock();
        }
    }
    taken_place(const taken_place&) = delete;
    taken_place& operator=(const taken_place&) = delete;

    /// Whether the next party, going round, has died. If each looks at its next, somebody finds the dead one.
    [[nodiscard]] bool next_has_died() const {
        for (std::size_t i = 1; i != places_.size(); ++i) {
            const auto result = look_at(places_[(own_ + i) % places_.size()]);
            if (result != os::lock_result::locked) { // it is not free
                return tells_of_death(result);
            }
        }
        return false;
    }
    [[nodiscard]] bool met_a_dead_one() const noexcept { return met_a_dead_one_; }

private:
    std::span<place> places_;
    std::size_t own_ = 0;
    place* taken_ = nullptr;
    bool met_a_dead_one_ = false;
};

/// Whether anybody has died in a place, who is forgotten with that.
bool somebody_has_died(std::span<place> places) {
    bool found = false;
    for (auto& each : places) {
        found |= tells_of_death(look_at(each));
    }
    return found;
}

/// Breaks a round that is not over; how it ended.
round_outcome break_round(barrier_state& state, std::uint32_t round, round_outcome why) {
    auto seen = state.rounds.load();
    while (!seen.outcome_of(round)) {
        if (state.rounds.compare_exchange_weak(seen, seen.after_breaking(why))) {
            state.ended.announce_to_all_who_sleep();
            return why;
        }
    }
    return *seen.outcome_of(round);
}

/// Also when a round has just ended, and another has begun.
void break_present_round(barrier_state& state, round_outcome why) {
    for (auto seen = state.rounds.load(); !seen.is_broken(); seen = state.rounds.load()) {
        break_round(state, seen.present, why);
    }
}

/// Waits for the end of a round; how it ended.
round_outcome wait_for_end(barrier_state& state, std::uint32_t round, const taken_place& here,
                           const detail::wait_limit& limit) {
    using clock = std::chrono::steady_clock;
    std::optional<round_outcome> outcome;
    const auto is_over = [&] { return (outcome = state.rounds.load().outcome_of(round)).has_value(); };
    const auto nothing_more = [] { return false; };
    const auto look_round = [&] {
        return detail::wait_limit(std::min(limit.deadline, clock::now() + detail::longest_oversleep),
                                  limit.stop);
    };
    while (!wait_until_done(state.ended, look_round(), is_over, nothing_more)) {
        if (here.next_has_died()) {
            return break_round(state, round, round_outcome::party_died);
        }
        if (limit.is_over()) {
            return break_round(state, round, round_outcome::timed_out);
        }
    }
    return *outcome;
}

} // namespace

barrier::barrier(std::size_t parties) : object_handle(make(parties)) {}
barrier::barrier(opened, const std::string& name) : object_handle(open_object(kind, name)) {}

std::size_t barrier::arrive_before(const detail::wait_limit& limit) {
    auto& state = object().state<barrier_state>();
    const auto parties = this->parties();
    const auto places = places_of(object());
    auto seen = state.rounds.load();
    // Every other round begins in the second half: whoever is slow to leave the last one is in the first.
    const taken_place here(places, seen.present % 2 * parties + seen.arrived);
    if (here.met_a_dead_one()) {
        break_round(state, seen.present, round_outcome::party_died);
    }
    for (seen = state.rounds.load();;) {
        if (seen.is_broken()) {
            throw_broken(seen.broken);
        }
        const auto after = seen.after_arrival(parties);
        const bool completes = after.present != seen.present;
        if (completes && somebody_has_died(places)) {
            break_round(state, seen.present, round_outcome::party_died);
            seen = state.rounds.load();
        } else if (state.rounds.compare_exchange_strong(seen, after)) {
            if (completes) {
                state.ended.announce_to_all_who_sleep();
                return seen.arrived;
            }
            break;
        }
    }
    const auto outcome = wait_for_end(state, seen.present, here, limit);
    if (outcome != round_outcome::complete) {
        throw_broken(outcome);
    }
    return seen.arrived;
}

void barrier::abort() {
    break_present_round(object().state<barrier_state>(), round_outcome::aborted);
}

/// In steps, each of which leaves a barrier that is broken at worst.
void barrier::reset() {
    auto& state = object().state<barrier_state>();
    break_present_round(state, round_outcome::reset);
    (void)somebody_has_died(places_of(object()));
    auto seen = state.rounds.load();
    while (!state.rounds.compare_exchange_weak(seen, seen.after_reset())) {
    }
    state.ended.announce_to_all_who_sleep();
}

bool barrier::broken() const noexcept {
    return object().state<barrier_state>().rounds.load().is_broken();
}
std::size_t barrier::parties() const noexcept {
    return parties_of(object());
}
std::size_t barrier::waiting() const noexcept {
    return object().state<barrier_state>().rounds.load().arrived;
}

} // namespace multiprocessing
