// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/node_message.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

/// Messages of any size, as chunks that MPI can count. What is to be sent is one stream of bytes,
///
///     | kind | pool | id | size | content, rest ... | kind | pool | ...
///
/// which is cut wherever a chunk is full: many small messages travel in one, and a large one in many.
namespace multiprocessing::detail {

/// A chunk has no more bytes: counts are of type int in MPI, and others have their turn in between.
inline constexpr std::size_t largest_chunk = std::size_t{1} << 20;

struct message_header {
    std::uint32_t kind;
    std::uint32_t pool;
    std::uint64_t id;
    std::uint64_t size; // of content and rest together
};

/// What is to be sent.
class outgoing_stream {
public:
    void push(node_message message) { messages_.push_back(std::move(message)); }
    [[nodiscard]] bool empty() const noexcept { return messages_.empty(); }
    /// All but the message that is partly sent, if one is.
    void drop_what_has_not_begun() { messages_.resize(sent_of_first_ == 0 ? 0 : 1); }
    /// What is next, as much of it as there is and a chunk holds.
    [[nodiscard]] std::vector<std::byte> next_chunk();

private:
    std::deque<node_message> messages_;
    std::size_t sent_of_first_ = 0; // with its header; less than all of it
};

/// What has been received.
class incoming_stream {
public:
    /// Takes the messages that a chunk completes. Throws `nonsense_received` for what cannot be one,
    /// `std::bad_alloc`, and what `take` throws.
    template <class Take>
    void append(std::span<const std::byte> chunk, const Take& take) {
        while (!chunk.empty()) {
            chunk = chunk.subspan(append_some(chunk));
            if (is_complete()) {
                take(finish());
            }
        }
    }

private:
    std::size_t append_some(std::span<const std::byte> chunk);
    [[nodiscard]] bool is_complete() const noexcept {
        return header_size_ == sizeof(message_header) && content_.size() == header_.size;
    }
    node_message finish();

    message_header header_{};
    std::size_t header_size_ = 0; // so much of it is there
    bytes content_;
};

} // namespace multiprocessing::detail
