// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/socket_channel.hpp"

#include "os/crash_report.hpp"
#include "wire/payload.hpp"

#include <array>
#include <tuple>
#include <utility>

namespace multiprocessing::detail {

socket_channel::socket_channel() : is_workers_end_(false) {
    std::tie(socket_, workers_socket_) = os::make_socket_pair();
}

socket_channel::socket_channel(const channel_handle& handle)
    : is_workers_end_(true), socket_(handle.socket) {}

channel_handle socket_channel::handle() const {
    return {.socket = workers_socket_.get()};
}

frame_route socket_channel::send(frame_kind kind, std::uint64_t id, std::span<const std::byte> content) {
    frame_header header{last_sent_ + 1, id, content.size(), kind, frame_route::in_message};
    os::descriptor beside;
    if (content.size() > largest_in_message) {
        header.route = frame_route::by_courier;
        beside = os::make_sealed_memory("multiprocessing-payload", content);
    }
    std::array<std::byte, largest_message> packet;
    const auto size = write_message(header, content, packet);
    for (;;) {
        switch (os::send_packet(socket_.get(), {packet.data(), size}, beside.get())) {
        case os::delivery::done:
            last_sent_ = header.sequence;
            if (is_task(kind)) {
                to_begin_ = id;
            }
            return header.route;
        case os::delivery::no_peer:
            throw channel_broken("the peer has closed the channel");
        case os::delivery::no_room:
            if (!is_workers_end_) {
                throw channel_broken("the worker does not receive what it is sent");
            }
            os::wait_writable(socket_.get());
        }
    }
}

std::optional<frame> socket_channel::receive() {
    std::array<std::byte, os::largest_packet> buffer; // not initialised: nearly all packets are short
    for (;;) {
        auto received = os::receive_packet(socket_.get(), buffer);
        switch (received.what) {
        case os::received_packet::type::nothing:
            return std::nullopt;
        case os::received_packet::type::end:
            ended_ = true;
            return std::nullopt;
        case os::received_packet::type::packet:
            break;
        }
        const std::span<const std::byte> packet(buffer.data(), received.size);
        if (os::is_crash_report(packet)) {
            keep_report({packet.begin(), packet.end()});
            continue;
        }
        auto taken = take_frame(packet, received);
        if (taken.kind != frame_kind::begun) {
            return taken;
        }
        if (to_begin_ == 0 || taken.id != to_begin_) {
            throw nonsense_received("it began what it was not sent");
        }
        begun_ = std::exchange(to_begin_, 0);
    }
}

frame socket_channel::take_frame(std::span<const std::byte> packet, os::received_packet& received) {
    const auto message = parse_message(packet);
    const auto& header = message.header;
    if (header.sequence != last_received_ + 1 || header.route == frame_route::in_heap) {
        throw nonsense_received("a frame is not the next one");
    }
    last_received_ = header.sequence;
    if (is_workers_end_ && is_task(header.kind)) {
        send(frame_kind::begun, header.id, {}); // before the content is looked at
    }
    return take_frame_with(header, [&] {
        if (header.route == frame_route::in_message) {
            return copy_of(message.content);
        }
        if (received.lost) {
            throw_no_descriptor(header.size);
        }
        return read_sealed(std::move(received.carried), header.size);
    });
}

std::optional<frame> socket_channel::wait_and_receive(duration patience) {
    const auto deadline = deadline_after(patience);
    for (;;) {
        if (auto received = receive()) {
            return received;
        }
        if (ended_) {
            throw channel_broken("the peer has closed the channel");
        }
        if (!os::wait_readable(socket_.get(), deadline)) {
            return std::nullopt;
        }
    }
}

} // namespace multiprocessing::detail
