// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/stream.hpp"

#include "wire/frame.hpp"

#include <algorithm>
#include <cstring>

namespace multiprocessing::detail {
std::vector<std::byte> outgoing_stream::next_chunk() {
    std::vector<std::byte> chunk;
    while (!messages_.empty() && chunk.size() != largest_chunk) {
        const auto& first = messages_.front();
        const auto size = first.content.bytes().size() + first.rest.bytes().size();
        const message_header header{static_cast<std::uint32_t>(first.kind), first.pool, first.id, size};
        std::size_t before = 0; // in the parts that have been looked at
        for (const auto part :
             {std::as_bytes(std::span(&header, 1)), first.content.bytes(), first.rest.bytes()}) {
            const auto unsent = part.subspan(std::min(part.size(), sent_of_first_ - before));
            const auto fitting = unsent.first(std::min(unsent.size(), largest_chunk - chunk.size()));
            chunk.insert(chunk.end(), fitting.begin(), fitting.end());
            sent_of_first_ += fitting.size();
            before += part.size();
            if (sent_of_first_ < before) {
                return chunk; // it is full
            }
        }
        messages_.pop_front();
        sent_of_first_ = 0;
    }
    return chunk;
}

/// How many bytes belong to the message that is being received.
std::size_t incoming_stream::append_some(std::span<const std::byte> chunk) {
    if (header_size_ != sizeof header_) {
        const auto count = std::min(chunk.size(), sizeof header_ - header_size_);
        std::memcpy(reinterpret_cast<std::byte*>(&header_) + header_size_, chunk.data(), count);
        header_size_ += count;
        if (header_size_ == sizeof header_ &&
            (header_.kind > static_cast<std::uint32_t>(message_kind::last) || header_.size > PTRDIFF_MAX)) {
            throw nonsense_received("a node sent a message of no known kind");
        }
        return count;
    }
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), header_.size - content_.size()));
    content_.append(chunk.data(), count);
    return count;
}

node_message incoming_stream::finish() {
    header_size_ = 0;
    return {static_cast<message_kind>(header_.kind), header_.pool, header_.id,
            own(std::exchange(content_, bytes()))};
}

} // namespace multiprocessing::detail
