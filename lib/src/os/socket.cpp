// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/socket.hpp"

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

/// A message of one tag, with room for a descriptor.
struct message {
    std::uint64_t tag = 0;
    iovec content{&tag, sizeof tag};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};

    message() {
        header.msg_iov = &content;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;
};

} // namespace

void ring(int socket) noexcept {
    const std::uint64_t tag = 0;
    [[maybe_unused]] const auto sent = ::send(socket, &tag, sizeof tag, MSG_NOSIGNAL | MSG_DONTWAIT);
}

bool send_descriptor(int socket, int fd, std::uint64_t tag) {
    message out;
    out.tag = tag;
    auto* carried = CMSG_FIRSTHDR(&out.header);
    carried->cmsg_level = SOL_SOCKET;
    carried->cmsg_type = SCM_RIGHTS;
    carried->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(carried), &fd, sizeof fd);
    while (::sendmsg(socket, &out.header, MSG_NOSIGNAL) < 0) {
        if (errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN) {
            return false;
        }
        if (errno != EINTR) {
            throw_errno("cannot pass shared memory to another process");
        }
    }
    return true;
}

arrival receive(int socket) {
    message in;
    std::array<std::byte, largest_report> long_message; // not initialised: nearly all are short
    const std::array content{iovec{&in.tag, sizeof in.tag}, iovec{long_message.data(), long_message.size()}};
    in.header.msg_iov = const_cast<iovec*>(content.data());
    in.header.msg_iovlen = content.size();
    const auto received = ::recvmsg(socket, &in.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) {
        const bool nothing_there = errno == EAGAIN || errno == EINTR;
        return {.what = nothing_there ? arrival::type::nothing : arrival::type::end};
    }
    if (received == 0) {
        return {.what = arrival::type::end};
    }
    const auto* carried = CMSG_FIRSTHDR(&in.header);
    if (carried == nullptr || carried->cmsg_type != SCM_RIGHTS) {
        const auto size = static_cast<std::size_t>(received);
        if (size <= sizeof in.tag) {
            return {.what = arrival::type::ring};
        }
        arrival report{.what = arrival::type::report};
        report.report.resize(size);
        std::memcpy(report.report.data(), &in.tag, sizeof in.tag);
        std::memcpy(report.report.data() + sizeof in.tag, long_message.data(), size - sizeof in.tag);
        return report;
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(carried), sizeof fd);
    return {.what = arrival::type::descriptor, .carried = descriptor(fd), .tag = in.tag};
}

} // namespace multiprocessing::os
