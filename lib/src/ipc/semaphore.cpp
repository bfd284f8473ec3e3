// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/named_object.hpp"
#include "ipc/occasion.hpp"

#include <multiprocessing/synchronization.hpp>

#include <atomic>
#include <stdexcept>

namespace multiprocessing {
namespace {

/// In shared memory, written by all.
struct semaphore_state {
    explicit semaphore_state(std::ptrdiff_t initial, std::ptrdiff_t maximum)
        : units(static_cast<std::uint32_t>(initial)), most(static_cast<std::uint32_t>(maximum)) {}

    std::atomic<std::uint32_t> units;
    const std::uint32_t most;
    detail::occasion released{};

    bool try_take() noexcept {
        auto present = units.load();
        while (present != 0 && !units.compare_exchange_weak(present, present - 1)) {
        }
        return present != 0;
    }
    bool try_give(std::uint32_t more) noexcept {
        auto present = units.load();
        while (present <= most && more <= most - present) {
            if (units.compare_exchange_weak(present, present + more)) {
                return true;
            }
        }
        return false;
    }
};

constexpr detail::object_kind kind{"semaphore", sizeof(semaphore_state)};

std::shared_ptr<detail::named_object> make(std::ptrdiff_t initial, std::ptrdiff_t maximum) {
    if (initial < 0 || maximum <= 0 || initial > maximum || maximum > counting_semaphore::max()) {
        throw std::invalid_argument("multiprocessing::counting_semaphore: 0 <= initial <= maximum is needed, "
                                    "and 0 < maximum <= max()");
    }
    auto object = make_object(kind, sizeof(semaphore_state));
    object->set_up<semaphore_state>(initial, maximum);
    return object;
}

} // namespace

counting_semaphore::counting_semaphore(std::ptrdiff_t initial, std::ptrdiff_t maximum)
    : object_handle(make(initial, maximum)) {}
counting_semaphore::counting_semaphore(opened, const std::string& name)
    : object_handle(open_object(kind, name)) {}

bool counting_semaphore::acquire_before(const detail::wait_limit& limit) {
    auto& state = object().state<semaphore_state>();
    return wait_until_done(
        state.released, limit, [&] { return state.try_take(); }, [&] { return state.units.load() != 0; });
}

void counting_semaphore::release(std::ptrdiff_t units) {
    if (units < 0) {
        throw std::invalid_argument(
            "multiprocessing::counting_semaphore: fewer units than none are released");
    }
    auto& state = object().state<semaphore_state>();
    if (units > max() || !state.try_give(static_cast<std::uint32_t>(units))) {
        throw std::logic_error("multiprocessing::counting_semaphore: more is released than the maximum");
    }
    state.released.announce();
}

std::ptrdiff_t counting_semaphore::value() const noexcept {
    return object().state<semaphore_state>().units.load();
}

} // namespace multiprocessing
