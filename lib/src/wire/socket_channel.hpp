// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/socket.hpp"
#include "wire/channel.hpp"

namespace multiprocessing::detail {

/// A channel that shares no memory which either side could still change:
///
///      pool                                              worker
///       |<== socket: frames, one a packet; a large ======>|
///       |    content in a sealed memfd that travels with  |
///       |    its frame                                    |
///       |<-- socket: a crashing worker's report ----------|
///
/// A worker gets one task at a time, for nothing can be taken back from a socket, and says when it begins it:
/// what it had said stays in the kernel when it dies.
class socket_channel final : public channel {
public:
    static constexpr std::size_t most_under_way = 1;
    /// What is larger travels beside the message.
    static constexpr std::size_t largest_message = 4096;
    static constexpr std::size_t largest_in_message = largest_message - sizeof(frame_header);

    socket_channel();
    explicit socket_channel(const channel_handle& handle);

    [[nodiscard]] channel_handle handle() const override;
    void worker_is_there() noexcept override { workers_socket_ = os::descriptor(); }
    frame_route send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) override;
    [[nodiscard]] memory_source* memory_for_results() noexcept override { return nullptr; }
    std::optional<frame> receive() override;
    std::optional<frame> wait_and_receive(duration patience) override;
    bool trim() noexcept override { return true; }
    std::optional<std::uint64_t> take_back() override { return std::nullopt; }
    [[nodiscard]] int descriptor() const noexcept override { return socket_.get(); }
    [[nodiscard]] int bell() const noexcept override { return -1; }
    void expect_ring() noexcept override {}
    void expect_no_ring() noexcept override {}
    [[nodiscard]] bool something_came() const noexcept override { return false; } // not without a system call
    bool look_at_socket() override { return !ended_; }
    [[nodiscard]] std::uint64_t begun() const noexcept override { return begun_; }

private:
    frame take_frame(std::span<const std::byte> packet, os::received_packet& received);

    const bool is_workers_end_;
    os::descriptor socket_;
    os::descriptor workers_socket_; // at the pool's end until the worker is there
    bool ended_ = false;            // the peer has closed its end, and nothing is left to receive
    std::uint64_t to_begin_ = 0;    // pool: the task that was sent last, until it is begun
    std::uint64_t begun_ = 0;
    std::uint64_t last_sent_ = 0;
    std::uint64_t last_received_ = 0;
};

} // namespace multiprocessing::detail
