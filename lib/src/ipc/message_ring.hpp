// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

/// Messages on their way between processes: those of higher priority first, and among equals first in, first
/// out.
///
///     counts | slot | slot | ...        a slot: | length | bytes of the message ... |
///
/// A message is there once it is counted as put, and gone once it is counted as got; each is one store. So
/// whoever is killed at any instant leaves the ring as it was before its operation, or as it is afterwards.
///
/// With one priority the n-th message is in slot n % capacity. With more of them each has counts of its own,
/// and behind the slots it is written which messages are where:
///
///     | freed | of priority 0 | of priority 1 | ...        each: | slot number | ... for each slot
///
/// The n-th message of a priority is in the slot at n % capacity of that priority's. The n-th of all that
/// were got has left its slot at n % capacity of the freed, from where the message takes it that is put as
/// the n + capacity-th of all. How many of all that are is the sum of the counts. So it is by being counted
/// that a message takes a slot or gives it back: that is one store still.
namespace multiprocessing::detail {

class message_ring {
public:
    /// Since the ring was made, of one priority. In shared memory, written by whoever has the gate, read by
    /// all.
    struct counts {
        std::atomic<std::uint64_t> put;
        std::atomic<std::uint64_t> got;
    };
    /// How many slots there are, how long a message in one can be, and how many priorities.
    struct format {
        std::uint64_t capacity;
        std::uint64_t slot_size;
        std::uint64_t priorities = 1;
    };

    /// How many bytes the slots take, and what is behind them; the largest number when that is larger.
    static std::size_t memory_for(const format& slots) noexcept;

    /// Each priority needs counts, and all counts of a new ring are 0.
    message_ring(std::span<counts> counted, std::byte* slots, const format& of) noexcept
        : counts_(counted.first(of.priorities)), slots_(slots), format_(of) {}

    [[nodiscard]] std::size_t capacity() const noexcept { return format_.capacity; }
    [[nodiscard]] std::size_t slot_size() const noexcept { return format_.slot_size; }
    [[nodiscard]] std::size_t priorities() const noexcept { return format_.priorities; }
    [[nodiscard]] std::uint64_t put_so_far() const noexcept { return sum_of(&counts::put); }
    /// Throws `queue_broken` when somebody has written over the counts.
    [[nodiscard]] std::size_t size() const;

    // What follows is for one at a time. Throws `queue_broken` when somebody has written over the ring.

    /// False when it is full. Otherwise `write` gets `length` bytes of memory, at most as many as a slot has;
    /// if it throws, nothing is put.
    template <class Write>
    bool try_put(std::size_t length, const Write& write, std::size_t priority = 0) {
        if (size() == capacity()) {
            return false;
        }
        auto& put = counts_[priority].put;
        const auto number = put.load();
        const auto place = has_lists() ? free_place() : number % capacity();
        auto* const slot = slot_at(place);
        std::ranges::copy(std::as_bytes(std::span(&length, 1)), slot);
        write(std::span(slot + sizeof(length_type), length));
        if (has_lists()) {
            note(place, of_priority(priority), number);
        }
        put.store(number + 1);
        return true;
    }
    /// False when it is empty. Otherwise `read` gets the message; if it throws, the message stays.
    template <class Read>
    bool try_get(const Read& read) {
        if (size() == 0) {
            return false;
        }
        const auto priority = highest_priority();
        auto& got = counts_[priority].got;
        const auto number = got.load();
        const auto place = place_of(priority, number);
        read(message_at(place));
        if (has_lists()) {
            note(place, freed, sum_of(&counts::got));
        }
        got.store(number + 1);
        return true;
    }
    /// Shows all messages that are there.
    template <class Look>
    void for_each(const Look& look) const {
        for (std::size_t priority = 0; priority != counts_.size(); ++priority) {
            const auto begin = counts_[priority].got.load();
            const auto end = begin + size_of(counts_[priority]);
            for (auto number = begin; number != end; ++number) {
                look(message_at(place_of(priority, number)));
            }
        }
    }

private:
    using length_type = std::uint64_t;
    static_assert(sizeof(length_type) == sizeof(std::size_t));
    /// The number of a slot, behind the slots.
    using place_type = std::atomic<std::uint64_t>;

    /// Which of the lists of places.
    static constexpr std::size_t freed = 0;
    static constexpr std::size_t of_priority(std::size_t priority) noexcept { return 1 + priority; }
    static std::size_t lists(const format& slots) noexcept;

    static std::size_t stride(const format& slots) noexcept;

    [[nodiscard]] std::uint64_t sum_of(std::atomic<std::uint64_t> counts::*which) const noexcept {
        auto sum = (counts_[0].*which).load();
        for (std::size_t other = 1; other < counts_.size(); ++other) {
            sum += (counts_[other].*which).load();
        }
        return sum;
    }
    [[nodiscard]] std::size_t size_of(const counts& one) const;
    /// One that has messages.
    [[nodiscard]] std::size_t highest_priority() const;

    [[nodiscard]] std::byte* slot_at(std::uint64_t place) const noexcept { return slots_ + place * stride_; }
    [[nodiscard]] std::span<const std::byte> message_at(std::uint64_t place) const;

    [[nodiscard]] bool has_lists() const noexcept { return counts_.size() != 1; }
    [[nodiscard]] place_type& entry(std::size_t list, std::uint64_t number) const noexcept {
        auto* const lists = reinterpret_cast<place_type*>(slot_at(format_.capacity));
        return lists[list * format_.capacity + number % format_.capacity];
    }
    [[nodiscard]] std::uint64_t noted(std::size_t list, std::uint64_t number) const;
    void note(std::uint64_t place, std::size_t list, std::uint64_t number) const noexcept {
        entry(list, number).store(place, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t place_of(std::size_t priority, std::uint64_t number) const {
        return has_lists() ? noted(of_priority(priority), number) : number % capacity();
    }
    /// While not all slots have been in use they are taken in their order.
    [[nodiscard]] std::uint64_t free_place() const {
        const auto number = put_so_far();
        return number < capacity() ? number : noted(freed, number);
    }

    const std::span<counts> counts_;
    std::byte* const slots_;
    const format format_;
    const std::size_t stride_ = stride(format_);
};

} // namespace multiprocessing::detail
