// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/message_ring.hpp"

#include <multiprocessing/error.hpp>

#include <cstring>
#include <limits>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t most = std::numeric_limits<std::size_t>::max();

[[noreturn]] void throw_written_over() {
    throw queue_broken("the queue is broken: a process has written over its memory");
}

} // namespace

/// Multiples of what memory is best copied by. 0 when that is too much.
std::size_t message_ring::stride(const format& slots) noexcept {
    constexpr std::size_t unit = 16;
    if (slots.slot_size > most - sizeof(length_type) - unit) {
        return 0;
    }
    return (slots.slot_size + sizeof(length_type) + unit - 1) / unit * unit;
}

std::size_t message_ring::lists(const format& slots) noexcept {
    return slots.priorities == 1 ? 0 : of_priority(slots.priorities);
}

std::size_t message_ring::memory_for(const format& slots) noexcept {
    const auto size = stride(slots);
    const auto in_lists = lists(slots) * sizeof(place_type);
    if (size == 0 || size > most - in_lists || slots.capacity > most / (size + in_lists)) {
        return most;
    }
    return slots.capacity * (size + in_lists);
}

/// That nothing was got while the other counts were read makes them belong together: of counts that only ever
/// grow the sum is the same when all of them are.
std::size_t message_ring::size() const {
    auto got = sum_of(&counts::got);
    for (;;) {
        const auto put = sum_of(&counts::put);
        const auto got_before = got;
        got = sum_of(&counts::got);
        if (got == got_before) {
            if (put - got > capacity()) {
                throw_written_over();
            }
            return put - got;
        }
    }
}

std::size_t message_ring::size_of(const counts& one) const {
    const auto size = one.put.load() - one.got.load();
    if (size > capacity()) {
        throw_written_over();
    }
    return size;
}

std::size_t message_ring::highest_priority() const {
    auto priority = counts_.size() - 1;
    while (priority != 0 && size_of(counts_[priority]) == 0) {
        --priority;
    }
    return priority;
}

/// Read once: somebody may write over it. As is the length.
std::uint64_t message_ring::noted(std::size_t list, std::uint64_t number) const {
    const auto place = entry(list, number).load(std::memory_order_relaxed);
    if (place >= capacity()) {
        throw_written_over();
    }
    return place;
}

std::span<const std::byte> message_ring::message_at(std::uint64_t place) const {
    const auto* const slot = slot_at(place);
    length_type length = 0;
    std::memcpy(&length, slot, sizeof length);
    if (length > slot_size()) {
        throw_written_over();
    }
    return {slot + sizeof length, length};
}

} // namespace multiprocessing::detail
