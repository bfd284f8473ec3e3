// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/socket.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>

namespace multiprocessing::os {

std::pair<descriptor, descriptor> make_socket_pair() {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
        throw_errno("cannot create a socket pair");
    }
    return {descriptor(ends[0]), descriptor(ends[1])};
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
    const auto received = ::recvmsg(socket, &in.header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) {
        const bool nothing_there = errno == EAGAIN || errno == EINTR;
        return {.what = nothing_there ? arrival::type::nothing : arrival::type::end};
    }
    if (received == 0) {
        return {.what = arrival::type::end};
    }
    const auto* carried = CMSG_FIRSTHDR(&in.header);
    if (carried == nullptr && (in.header.msg_flags & MSG_CTRUNC) != 0) {
        return {.what = arrival::type::descriptor, .tag = in.tag};
    }
    if (carried == nullptr || carried->cmsg_type != SCM_RIGHTS) {
        return {.what = arrival::type::ring};
    }
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(carried), sizeof fd);
    return {arrival::type::descriptor, descriptor(fd), in.tag};
}

} // namespace multiprocessing::os
