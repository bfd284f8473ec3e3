// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <multiprocessing/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>

/// The kinds of ends that connections have.
namespace multiprocessing::detail {

/// As it travels.
enum class end_kind : std::uint8_t { receives = 1, sends = 2, both = 3, stream = 4 };

/// An end of a socket that keeps packets apart, to another process on this machine.
[[gnu::visibility("default")]] std::unique_ptr<connection_core> make_packet_end(os::descriptor socket,
                                                                                end_kind kind);

/// An end of a TCP connection. No message of more than `max_message` bytes is received.
[[gnu::visibility("default")]] std::unique_ptr<connection_core> make_stream_end(os::descriptor socket,
                                                                                std::size_t max_message);

} // namespace multiprocessing::detail
