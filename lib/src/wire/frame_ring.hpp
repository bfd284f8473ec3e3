// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "wire/frame.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace multiprocessing::detail {

/// Messages on their way from one process to another, in memory that both have mapped:
///
///     | sent | taken | slot | slot | ...
///
/// They are counted from 1, and the n-th is in slot n % slots. It is there once `sent` says so, and gone once
/// `taken` does; each is one store. So whoever is killed or stopped at any instant leaves the ring as it was
/// before his operation, or as it is afterwards, and nobody waits for him.
///
/// Each side goes by its own numbers, and looks at the other's when those do not suffice. Zeros are an empty
/// ring.
struct frame_ring {
    static constexpr std::size_t slots = 256;
    static constexpr std::size_t slot_size = 1024;
    static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
    using slot = std::array<std::byte, slot_size>;

    alignas(64) std::atomic<std::uint64_t> sent;  ///< by the sender
    alignas(64) std::atomic<std::uint64_t> taken; ///< by the receiver, and by a sender that takes back
    alignas(64) std::array<slot, slots> messages;

    [[nodiscard]] slot& operator[](std::uint64_t number) noexcept { return messages[number % slots]; }
};

/// The sender's end.
class ring_sender {
public:
    explicit ring_sender(frame_ring& ring) noexcept : ring_(ring) {}

    /// Of the message that is to be written next.
    [[nodiscard]] std::uint64_t number() const noexcept { return written_ + 1; }
    /// Where to write it, while there is room.
    [[nodiscard]] frame_ring::slot& slot() noexcept { return ring_[number()]; }
    /// Throws `nonsense_received`.
    [[nodiscard]] bool has_room() {
        if (written_ - taken_ == frame_ring::slots) {
            look_at_taken();
        }
        return written_ - taken_ != frame_ring::slots;
    }
    /// It is written, and to be sent with those behind it.
    void written() noexcept { ++written_; }
    /// Sends what is written.
    void send() noexcept { ring_.sent.store(written_, std::memory_order_release); }

    /// Takes back the oldest message that the receiver has not taken: its number; empty when there is none.
    /// Throws `nonsense_received`.
    std::optional<std::uint64_t> take_back() {
        for (look_at_taken(); taken_ != written_; look_at_taken()) {
            auto before = taken_;
            if (ring_.taken.compare_exchange_strong(before, taken_ + 1)) {
                return ++taken_;
            }
        }
        return std::nullopt;
    }

private:
    void look_at_taken() {
        const auto taken = ring_.taken.load(std::memory_order_acquire);
        if (taken < taken_ || taken > written_) {
            throw nonsense_received("it says that it has taken what was not sent");
        }
        taken_ = taken;
    }

    frame_ring& ring_;
    std::uint64_t written_ = 0;
    std::uint64_t taken_ = 0; // at least
};

/// The receiver's end of a ring whose sender takes nothing back.
class ring_receiver {
public:
    explicit ring_receiver(frame_ring& ring) noexcept : ring_(ring) {}

    /// Of the message that is to be taken next.
    [[nodiscard]] std::uint64_t number() const noexcept { return taken_ + 1; }
    /// Where it is, as long as a sender that makes no sense does not write over it.
    [[nodiscard]] const frame_ring::slot& slot() const noexcept { return ring_[number()]; }
    /// Whether it is there. Throws `nonsense_received`.
    [[nodiscard]] bool has_message() {
        if (taken_ == sent_) {
            const auto sent = ring_.sent.load(std::memory_order_acquire);
            if (sent - taken_ > frame_ring::slots) { // or less than before
                throw nonsense_received("it says that it has sent more than there is room for");
            }
            sent_ = sent;
        }
        return taken_ != sent_;
    }
    /// Whether it is worth asking.
    [[nodiscard]] bool something_came() const noexcept {
        return ring_.sent.load(std::memory_order_acquire) != taken_;
    }
    /// It is taken: its slot is the sender's again.
    void taken() noexcept { ring_.taken.store(++taken_, std::memory_order_release); }

private:
    frame_ring& ring_;
    std::uint64_t sent_ = 0; // at least
    std::uint64_t taken_ = 0;
};

/// The receiver's end of a ring whose sender takes back, and is believed.
class ring_rival {
public:
    explicit ring_rival(frame_ring& ring) noexcept : ring_(ring) {}

    /// Takes the next message: its number; empty when there is none. `copy` gets its slot, and may get one
    /// for nothing, that the sender is writing over meanwhile.
    template <class Copy>
    std::optional<std::uint64_t> take(const Copy& copy) {
        auto taken = ring_.taken.load(std::memory_order_relaxed);
        do {
            if (taken >= sent_) {
                sent_ = ring_.sent.load(std::memory_order_acquire);
                if (taken >= sent_) {
                    return std::nullopt;
                }
            }
            copy(ring_[taken + 1]);
        } while (!ring_.taken.compare_exchange_strong(taken, taken + 1)); // it was taken back
        return taken + 1;
    }

private:
    frame_ring& ring_;
    std::uint64_t sent_ = 0; // at least
};

} // namespace multiprocessing::detail
