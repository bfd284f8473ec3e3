// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/stream.hpp"

#include "wire/frame.hpp"

#include <algorithm>
#include <cstring>

namespace multiprocessing::detail {
namespace {

void append_part(std::vector<std::byte>& chunk, std::span<const std::byte> part) {
    chunk.insert(chunk.end(), part.begin(), part.end());
}

} // namespace

std::vector<std::byte> outgoing_stream::next_chunk() {
    std::vector<std::byte> chunk;
    while (!messages_.empty() && chunk.size() != largest_chunk) {
        const auto& first = messages_.front();
        const auto content = first.content.bytes();
        const message_header header{static_cast<std::uint32_t>(first.kind), first.pool, first.id,
                                    content.size()};
        const auto head = std::as_bytes(std::span(&header, 1));
        const auto room = [&] { return largest_chunk - chunk.size(); };
        if (sent_of_first_ < head.size()) {
            const auto part = head.subspan(sent_of_first_, std::min(head.size() - sent_of_first_, room()));
            append_part(chunk, part);
            sent_of_first_ += part.size();
        }
        if (sent_of_first_ >= head.size()) {
            const auto rest = content.subspan(sent_of_first_ - head.size());
            const auto part = rest.first(std::min(rest.size(), room()));
            append_part(chunk, part);
            sent_of_first_ += part.size();
        }
        if (sent_of_first_ == head.size() + content.size()) {
            messages_.pop_front();
            sent_of_first_ = 0;
        }
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
