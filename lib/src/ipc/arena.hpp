// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/memory.hpp"

#include <multiprocessing/queue.hpp>

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

/// Memory for the values of a queue that are too large for a message, used again and again: touching fresh
/// memory costs far more than copying. It lies in the file of the queue's control block, behind that. So it
/// has neither a name nor a descriptor of its own, and ends with the queue's last user, however that ends.
///
///     | control block, with the table of units | unit | unit | unit ...
///
/// A value takes a run of units.
namespace multiprocessing::detail {

/// Lies in the control block. What a unit is used for is changed by whoever has made it his, from free,
/// until it is free again or under way, and then by whoever receives the message.
struct arena_table {
    static constexpr std::size_t unit_size = 16 * 1024;
    static constexpr std::size_t most_units = 4096;

    enum unit_state : std::uint32_t {
        empty = 0,      // free, and no memory behind it
        kept = 1,       // free, with memory
        under_way = 2,  // a message tells of it
        first_user = 3, // and above: the user with that number writes it or reads it
    };

    std::array<std::atomic<std::uint32_t>, most_units> units;
    std::atomic<std::uint32_t> users; // how many have come so far
};

/// The arena as one user of the queue has it. Thread-safe.
class arena {
public:
    /// Where a value is. Travels in a message.
    struct place {
        std::uint64_t first_unit;
        std::uint64_t size; // in bytes
    };
    using unit_set = std::bitset<arena_table::most_units>;

    /// Behind the first `offset` bytes of `file`. Announces the use of the file.
    arena(int file, std::size_t offset, arena_table& table);

    /// Copies a value there. Empty when there is no room, of whatever kind.
    [[nodiscard]] std::optional<place> store(const value_bytes& value);
    /// What is there is not wanted any more.
    void release(const place& value);

    // These inside the gate of the queue.

    /// A message is about to be sent that tells of the place.
    void send(const place& value);
    /// This user has received the message. Throws `decode_failed` when no value is under way there.
    void receive(const place& value);
    /// Somebody has died inside the gate: what is under way and no message tells of is not wanted any more.
    void keep_under_way(const unit_set& told_of);
    /// Adds the units of a place of which a message tells, if there are any.
    void add(const place& value, unit_set& to) const;

    /// A value that this user has received, for as long as its owner and the arena exist. Throws
    /// `resource_error`, and can then be called again.
    [[nodiscard]] payload open(const place& value);

    /// Gives the memory of all that is free back to the system.
    void trim();

private:
    struct lease;
    using units = std::span<std::atomic<std::uint32_t>>;

    [[nodiscard]] bool is_inside(const place& value) const;
    [[nodiscard]] units units_of(const place& value) const;
    [[nodiscard]] std::size_t offset_of(const place& value) const;
    [[nodiscard]] std::optional<place> claim(std::size_t size) const;
    [[nodiscard]] bool claim_all(units run, bool& have_memory) const;
    void free_what_the_dead_have() const;
    [[nodiscard]] std::shared_ptr<os::mapping> map(const place& value);

    const int file_;
    const std::size_t offset_;
    arena_table& table_;
    const std::uint32_t self_;
    const std::size_t units_used_;
    std::mutex mutex_;          // guards what follows
    std::size_t file_size_ = 0; // at least
    std::shared_ptr<os::mapping> mapped_ = std::make_shared<os::mapping>();
};

} // namespace multiprocessing::detail
