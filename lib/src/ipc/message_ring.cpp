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

std::size_t message_ring::memory_for(const format& slots) noexcept {
    const auto each = stride(slots);
    return each == 0 || slots.capacity > most / each ? most : slots.capacity * each;
}

/// That nothing was got while the other count was read makes the two belong together.
std::size_t message_ring::size() const {
    auto got = counts_.got.load();
    for (;;) {
        const auto put = counts_.put.load();
        const auto got_before = got;
        got = counts_.got.load();
        if (got == got_before) {
            if (put - got > capacity()) {
                throw_written_over();
            }
            return put - got;
        }
    }
}

std::span<const std::byte> message_ring::message_of(std::uint64_t number) const {
    const auto* const slot = slot_of(number);
    length_type length = 0; // read once: somebody may write over it
    std::memcpy(&length, slot, sizeof length);
    if (length > slot_size()) {
        throw_written_over();
    }
    return {slot + sizeof length, length};
}

} // namespace multiprocessing::detail
