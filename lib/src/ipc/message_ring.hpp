// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

/// Messages on their way between processes, first in first out.
///
///     counts | slot | slot | ...        a slot: | length | bytes of the message ... |
///
/// A message is there once it is counted as put, and gone once it is counted as got; each is one store. So
/// whoever is killed at any instant leaves the ring as it was before its operation, or as it is afterwards.
namespace multiprocessing::detail {

class message_ring {
public:
    /// Since the ring was made. In shared memory, written by whoever has the gate, read by all.
    struct counts {
        std::atomic<std::uint64_t> put;
        std::atomic<std::uint64_t> got;
    };
    /// How many slots there are, and how long a message in one can be.
    struct format {
        std::uint64_t capacity;
        std::uint64_t slot_size;
    };

    /// How many bytes the slots take; the largest number when that is larger.
    static std::size_t memory_for(const format& slots) noexcept;

    /// All counts of a new one are 0.
    message_ring(counts& counted, std::byte* slots, const format& of) noexcept
        : counts_(counted), slots_(slots), format_(of) {}

    [[nodiscard]] std::size_t capacity() const noexcept { return format_.capacity; }
    [[nodiscard]] std::size_t slot_size() const noexcept { return format_.slot_size; }
    [[nodiscard]] std::uint64_t put_so_far() const noexcept { return counts_.put.load(); }
    /// Throws `queue_broken` when somebody has written over the counts.
    [[nodiscard]] std::size_t size() const;

    // What follows is for one at a time. Throws `queue_broken` when somebody has written over the ring.

    /// False when it is full. Otherwise `write` gets `length` bytes of memory, at most as many as a slot has;
    /// if it throws, nothing is put.
    template <class Write>
    bool try_put(std::size_t length, const Write& write) {
        if (size() == capacity()) {
            return false;
        }
        const auto number = counts_.put.load();
        auto* const slot = slot_of(number);
        std::ranges::copy(std::as_bytes(std::span(&length, 1)), slot);
        write(std::span(slot + sizeof(length_type), length));
        counts_.put.store(number + 1);
        return true;
    }
    /// False when it is empty. Otherwise `read` gets the message; if it throws, the message stays.
    template <class Read>
    bool try_get(const Read& read) {
        if (size() == 0) {
            return false;
        }
        const auto number = counts_.got.load();
        read(message_of(number));
        counts_.got.store(number + 1);
        return true;
    }
    /// Shows all messages that are there.
    template <class Look>
    void for_each(const Look& look) const {
        const auto end = counts_.got.load() + size();
        for (auto number = counts_.got.load(); number != end; ++number) {
            look(message_of(number));
        }
    }

private:
    using length_type = std::uint64_t;
    static_assert(sizeof(length_type) == sizeof(std::size_t));

    static std::size_t stride(const format& slots) noexcept;
    [[nodiscard]] std::byte* slot_of(std::uint64_t number) const noexcept {
        return slots_ + number % format_.capacity * stride_;
    }
    [[nodiscard]] std::span<const std::byte> message_of(std::uint64_t number) const;

    counts& counts_;
    std::byte* const slots_;
    const format format_;
    const std::size_t stride_ = stride(format_);
};

} // namespace multiprocessing::detail
