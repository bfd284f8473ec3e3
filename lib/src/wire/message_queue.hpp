// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// A Boost.Interprocess message_queue, reduced to what survives the death of a process that uses it: the
/// `try_` operations. Members throw `channel_broken` when a process has died inside one of them.
class message_queue {
public:
    /// Throws `resource_error` when there is no room in shared memory.
    static message_queue create(const std::string& name, std::size_t slots, std::size_t slot_size);
    /// Throws `resource_error` when there is none of that name.
    static message_queue open(const std::string& name);
    static void remove(const std::string& name) noexcept;

    message_queue(message_queue&&) noexcept;
    message_queue& operator=(message_queue&&) noexcept;
    ~message_queue();

    /// False when the queue is full.
    bool try_send(std::span<const std::byte> message);
    static constexpr std::size_t nothing = SIZE_MAX;
    /// The size of the message; `nothing` if there was none. `buffer` must have the size of a slot.
    std::size_t try_receive(std::span<std::byte> buffer);

    // For the one who made the queue.

    /// When no other process is to be inside an operation: looks whether that is so, and whether there can be
    /// a next one. Throws `channel_broken` when somebody died inside an operation, or has written over what
    /// the next one relies on: it would wait for ever, or follow pointers to nowhere.
    void check_untouched() const;
    /// What the slots hold, in no order, even when a process has died inside an operation: messages not yet
    /// received, at most one that is incomplete, messages received before, and nothing (empty spans).
    [[nodiscard]] std::vector<std::span<const std::byte>> all_slots() const;

private:
    struct implementation;
    explicit message_queue(std::unique_ptr<implementation> queue);
    std::unique_ptr<implementation> queue_;
};

} // namespace multiprocessing::detail
