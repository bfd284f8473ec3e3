// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <cstdint>
#include <utility>

/// The socket between a worker and its parent: the bell, and the courier of descriptors.
namespace multiprocessing::os {

/// Two connected ends that keep messages apart (SOCK_SEQPACKET), non-blocking.
std::pair<descriptor, descriptor> make_socket_pair();

/// Wakes the peer if it waits for its end to become readable. Nothing to do when it is gone or has many rings
/// already.
void ring(int socket) noexcept;

/// Hands a descriptor to the peer, with a tag to recognise it by; false when the peer is gone. Throws
/// `resource_error`.
bool send_descriptor(int socket, int fd, std::uint64_t tag);

/// What arrived over a socket.
struct arrival {
    enum class type { nothing, ring, descriptor, end };
    type what = type::nothing;
    descriptor carried{}; ///< none if this process had no number left for it: then it is lost
    std::uint64_t tag = 0;
};
/// Does not wait.
arrival receive(int socket);

} // namespace multiprocessing::os
