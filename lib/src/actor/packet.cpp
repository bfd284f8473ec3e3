// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/packet.hpp"

#include "os/memory.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/connection.hpp>

#include <cstring>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace multiprocessing::detail {
namespace {

payload content_of(const packet_header& header, std::span<const std::byte> inside,
                   std::vector<os::descriptor> came, bool lost) {
    if (header.in_memory == 0) {
        if (inside.size() != header.size || !came.empty()) {
            throw nonsense_received("a packet is not as large as it is said to be");
        }
        return copy_of(inside);
    }
    if (lost) {
        throw_no_descriptor(header.size);
    }
    if (came.size() != 1) {
        throw nonsense_received("a packet's content did not come along");
    }
    return read_sealed(std::move(came.front()), header.size);
}

} // namespace

outgoing_packet::outgoing_packet(packet_kind kind, const value_bytes& content)
    : header_{.id = 0, .size = content.size(), .kind = kind, .in_memory = 0}, content_(content) {
    if (content.size() > largest_in_packet) {
        memory_ = os::make_sealed_memory("multiprocessing-call", content.head, content.rest);
        header_.in_memory = 1;
        content_ = {};
    }
}

os::delivery outgoing_packet::send(int socket, std::uint64_t id) const {
    auto header = header_;
    header.id = id;
    const int memory = memory_.get();
    return os::send_packet(socket, {std::as_bytes(std::span(&header, 1)), content_.head, content_.rest},
                           std::span(&memory, memory_ ? 1 : 0));
}

os::received_packet::type packet_receiver::receive(int socket, incoming_packet& packet) {
    constexpr auto room = sizeof(packet_header) + largest_in_packet;
    if (room_ == nullptr) {
        room_ = std::make_unique_for_overwrite<std::byte[]>(room);
    }
    std::vector<os::descriptor> came;
    const auto received = os::receive_packet(socket, std::span(room_.get(), room), came);
    if (received.what != os::received_packet::type::packet) {
        return received.what;
    }
    packet_header header{};
    if (received.size < sizeof header || received.cut) {
        throw nonsense_received("a packet is too short or too long");
    }
    std::memcpy(&header, room_.get(), sizeof header);
    packet = {.kind = header.kind, .id = header.id};
    try {
        packet.content = content_of(header, std::span(room_.get(), received.size).subspan(sizeof header),
                                    std::move(came), received.lost);
    } catch (const resource_error&) {
        packet.lost = std::current_exception();
    } catch (const std::bad_alloc&) {
        packet.lost = std::current_exception();
    }
    return received.what;
}

} // namespace multiprocessing::detail
