// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"
#include "os/socket.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/detail/value_bytes.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>

/// What the process that has an actor, and one that calls it from elsewhere, send each other: packets over a
/// socket.
///
///     | id | size | kind | in memory | content ...
///     | id | size | kind | in memory |                   and beside it a sealed memfd with the content
///
/// So a packet is sent and received by one system call, and nobody can die in the middle.
namespace multiprocessing::detail {

enum class packet_kind : std::uint32_t {
    // from who calls
    call,      ///< how, and the call as a pool wants it
    cancel,    ///< the call of that id
    close,     ///< no further calls
    terminate, ///< end the process
    pid,       ///< which process is it?
    join,      ///< has it ended? To be answered when it has.
    // from who has the actor
    printed, ///< what a call has printed; its outcome follows
    outcome, ///< of what had that id: a call, or a question
};

struct packet_header {
    std::uint64_t id; ///< from who calls, who numbers what wants an answer
    std::uint64_t size;
    packet_kind kind;
    std::uint32_t in_memory; ///< 1: the content is in memory of its own
};

/// A packet that is ready to be sent. Refers to its content.
class outgoing_packet {
public:
    /// Throws `resource_error` when there is no memory or descriptor for a large content.
    outgoing_packet(packet_kind kind, const value_bytes& content);
    /// Does not wait. Throws `resource_error`.
    [[nodiscard]] os::delivery send(int socket, std::uint64_t id) const;

private:
    packet_header header_;
    value_bytes content_;
    os::descriptor memory_;
};

/// A packet that has come. It owns its content.
struct incoming_packet {
    packet_kind kind{};
    std::uint64_t id = 0;
    payload content{};
    std::exception_ptr lost{}; ///< instead of the content: this process had no memory or descriptor for it
};

/// Receives packets that may have been written by anybody.
class packet_receiver {
public:
    /// Does not wait. Throws `nonsense_received` when it is not a packet.
    os::received_packet::type receive(int socket, incoming_packet& packet);

private:
    std::unique_ptr<std::byte[]> room_;
};

} // namespace multiprocessing::detail
