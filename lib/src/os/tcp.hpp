// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

/// Sockets over which bytes are sent to other machines. None of them waits but where it is said.
namespace multiprocessing::os {

/// Waits for connections at an address of this machine; port 0: any that is free. Throws `resource_error`.
[[gnu::visibility("default")]] descriptor listen_tcp(const std::string& host, std::uint16_t port);
/// Which port that is.
[[gnu::visibility("default")]] [[nodiscard]] std::uint16_t port_of(int listener);
/// Throws `resource_error` when nobody listens there, or does not answer before the deadline. Finding out the
/// address of a host may take longer.
[[gnu::visibility("default")]] descriptor connect_tcp(const std::string& host, std::uint16_t port,
                                                      steady_time deadline);

/// Small messages are sent at once, and a peer whose machine is gone is noticed within about a minute and a
/// half.
[[gnu::visibility("default")]] void be_prompt(int tcp_socket) noexcept;

/// How many bytes have been received: 0 when the peer has closed, empty when there are none now. Throws
/// `resource_error` when the connection is lost.
[[gnu::visibility("default")]] std::optional<std::size_t> receive_some(int socket, std::span<std::byte> room);
using byte_pieces = std::array<std::span<const std::byte>, 3>;
/// How many bytes were sent: empty when there is no room now. Throws the same; EPIPE when the peer has
/// closed.
[[gnu::visibility("default")]] std::optional<std::size_t> send_some(int socket, const byte_pieces& pieces);

} // namespace multiprocessing::os
