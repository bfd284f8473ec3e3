// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>

namespace multiprocessing::os {

std::pair<descriptor, descriptor> make_socket_pair() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        throw_errno("cannot create a socket pair");
    }
    auto first = new_descriptor(ends[0]);
    auto second = new_descriptor(ends[1]);
    if (!first || !second) {
        throw_errno("cannot create a socket pair");
    }
    return {std::move(first), std::move(second)};
}

namespace {

/// A packet, with room for a descriptor.
struct message {
    iovec content;
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};

    explicit message(std::span<std::byte> packet) : content{packet.data(), packet.size()} {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    /// For one: what is there for alignment would let a second one in.
    void make_room_for_descriptor() {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_LEN(sizeof(int));
    }
};

/// Throws `resource_error`.
delivery send_message(int socket, const msghdr& header) {
    while (::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
            return delivery::no_peer;
        }
        if (errno == EAGAIN) {
            return delivery::no_room;
        }
        if (errno != EINTR) {
            throw_errno("cannot send to another process");
        }
    }
    return delivery::done;
}

} // namespace

delivery send_packet(int socket, std::span<const std::byte> packet, int fd) {
    message out({const_cast<std::byte*>(packet.data()), packet.size()}); // sendmsg does not write to it
    if (fd >= 0) {
        out.make_room_for_descriptor();
        auto* carried = CMSG_FIRSTHDR(&out.header);
        carried->cmsg_level = SOL_SOCKET;
        carried->cmsg_type = SCM_RIGHTS;
        carried->cmsg_len = CMSG_LEN(sizeof fd);
        std::memcpy(CMSG_DATA(carried), &fd, sizeof fd);
    }
    return send_message(socket, out.header);
}

namespace {

/// As many descriptors as the kernel lets travel together.
constexpr std::size_t most_descriptors = 253;

/// A packet of one byte, since there is none without.
struct descriptors_message {
    std::byte one{};
    iovec content{&one, 1};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(most_descriptors * sizeof(int))> control{};
    msghdr header{};

    explicit descriptors_message(std::size_t control_size) {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control_size;
    }
    descriptors_message(const descriptors_message&) = delete;
    descriptors_message& operator=(const descriptors_message&) = delete;
};

} // namespace

delivery send_descriptors(int socket, std::span<const int> descriptors) {
    if (descriptors.size() > most_descriptors) {
        errno = EMFILE;
        throw_errno("cannot send descriptors to another process");
    }
    descriptors_message out(CMSG_SPACE(descriptors.size_bytes()));
    auto* carried = CMSG_FIRSTHDR(&out.header);
    carried->cmsg_level = SOL_SOCKET;
    carried->cmsg_type = SCM_RIGHTS;
    carried->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(carried), descriptors.data(), descriptors.size_bytes());
    return send_message(socket, out.header);
}

std::vector<descriptor> receive_descriptors(int socket) {
    descriptors_message in(sizeof(descriptors_message::control));
    if (::recvmsg(socket, &in.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) <= 0) {
        return {};
    }
    std::vector<descriptor> result;
    const auto* carried = CMSG_FIRSTHDR(&in.header);
    if (carried != nullptr && carried->cmsg_type == SCM_RIGHTS) {
        const auto count = (carried->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i != count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(carried) + i * sizeof fd, sizeof fd);
            result.emplace_back(fd);
        }
    }
    if ((in.header.msg_flags & MSG_CTRUNC) != 0) {
        result.clear();
    }
    return result;
}

received_packet receive_packet(int socket, std::span<std::byte> buffer) {
    message in(buffer);
    in.make_room_for_descriptor();
    const auto received = ::recvmsg(socket, &in.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) {
        // A lack of memory passes; the packet stays where it is.
        const bool nothing_there = errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS;
        return {.what = nothing_there ? received_packet::type::nothing : received_packet::type::end};
    }
    if (received == 0) {
        return {.what = received_packet::type::end};
    }
    received_packet result{.what = received_packet::type::packet, .size = static_cast<std::size_t>(received)};
    const auto* carried = CMSG_FIRSTHDR(&in.header);
    if (carried != nullptr && carried->cmsg_type == SCM_RIGHTS) {
        int fd = -1;
        std::memcpy(&fd, CMSG_DATA(carried), sizeof fd);
        result.carried = descriptor(fd);
    } else {
        result.lost = (in.header.msg_flags & MSG_CTRUNC) != 0;
    }
    return result;
}

bool send_descriptor(int socket, int fd, std::uint64_t tag) {
    switch (send_packet(socket, std::as_bytes(std::span(&tag, 1)), fd)) {
    case delivery::done:
        return true;
    case delivery::no_peer:
        return false;
    case delivery::no_room:
        errno = EAGAIN;
        throw_errno("cannot pass shared memory to another process");
    }
    return false;
}

arrival receive(int socket) {
    std::array<std::byte, largest_packet> packet; // not initialised: nearly all are short
    auto received = receive_packet(socket, packet);
    switch (received.what) {
    case received_packet::type::nothing:
        return {};
    case received_packet::type::end:
        return {.what = arrival::type::end};
    case received_packet::type::packet:
        break;
    }
    std::uint64_t tag = 0;
    std::memcpy(&tag, packet.data(), std::min(received.size, sizeof tag));
    if (received.carried || received.lost) {
        return {.what = arrival::type::descriptor, .carried = std::move(received.carried), .tag = tag};
    }
    if (received.size > sizeof tag) {
        return {.what = arrival::type::report, .report = {packet.begin(), packet.begin() + received.size}};
    }
    return {.what = arrival::type::nonsense};
}

} // namespace multiprocessing::os
