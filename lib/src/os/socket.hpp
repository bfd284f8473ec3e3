// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

/// The socket between a worker and its parent: the bell, the courier of descriptors, and the way of a last
/// report.
namespace multiprocessing::os {

/// Two connected ends that keep messages apart (SOCK_SEQPACKET), non-blocking.
std::pair<descriptor, descriptor> make_socket_pair();

/// Wakes the peer if it waits for its end to become readable. Nothing to do when it is gone or has many rings
/// already.
void ring(int socket) noexcept;

/// Hands a descriptor to the peer, with a tag to recognise it by; false when the peer is gone. Throws
/// `std::system_error`.
bool send_descriptor(int socket, int fd, std::uint64_t tag);

/// What is longer than this is cut off.
inline constexpr std::size_t largest_report = std::size_t{68} << 10;

/// What arrived over a socket.
struct arrival {
    enum class type { nothing, ring, descriptor, report, end };
    type what = type::nothing;
    descriptor carried{};
    std::uint64_t tag = 0;
    std::vector<std::byte> report{}; ///< any message that is too long for a ring
};
/// Does not wait.
arrival receive(int socket);

} // namespace multiprocessing::os
