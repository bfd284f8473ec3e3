// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

/// The socket between a worker and its parent: packets, descriptors that travel with them, and the way of a
/// last report.
namespace multiprocessing::os {

/// Two connected ends that keep messages apart (SOCK_SEQPACKET), non-blocking.
std::pair<descriptor, descriptor> make_socket_pair();

/// What became of a packet.
enum class delivery { done, no_room, no_peer };
/// Sends a packet, and with it a descriptor unless `fd` is -1. Does not wait. Throws `resource_error`.
delivery send_packet(int socket, std::span<const std::byte> packet, int fd = -1);

/// Sends descriptors, at most 253, in a packet of their own. Does not wait. Throws `resource_error`.
delivery send_descriptors(int socket, std::span<const int> descriptors);
/// Receives such a packet. Empty when there is none, and when this process has no numbers left for them.
std::vector<descriptor> receive_descriptors(int socket);

/// What was received.
struct received_packet {
    enum class type { nothing, packet, end };
    type what = type::nothing;
    std::size_t size = 0;
    descriptor carried{};
    bool lost = false; ///< a descriptor came along, and this process had no number left for it
};
/// Receives a packet into `buffer`; what does not fit is cut off. Does not wait.
received_packet receive_packet(int socket, std::span<std::byte> buffer);

/// Hands a descriptor to the peer, with a tag to recognise it by; false when the peer is gone. Throws
/// `resource_error`.
bool send_descriptor(int socket, int fd, std::uint64_t tag);

/// No packet is larger than this: a report is the largest.
inline constexpr std::size_t largest_packet = std::size_t{68} << 10;

/// What arrived over a socket that descriptors are sent over.
struct arrival {
    enum class type { nothing, descriptor, report, nonsense, end };
    type what = type::nothing;
    descriptor carried{}; ///< none if this process had no number left for it: then it is lost
    std::uint64_t tag = 0;
    std::vector<std::byte> report{}; ///< any message that is too long for a tag
};
/// Does not wait.
arrival receive(int socket);

} // namespace multiprocessing::os
