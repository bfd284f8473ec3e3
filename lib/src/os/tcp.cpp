// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/tcp.hpp"

#include "os/host.hpp"

#include <multiprocessing/error.hpp>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <utility>

namespace multiprocessing::os {
namespace {

/// The first socket that `attempt` succeeds with; it tells by `errno` why not. Throws `resource_error`.
template <class Attempt>
descriptor first_of(const addresses& all, const std::string& doing, const Attempt& attempt) {
    int failure = EADDRNOTAVAIL;
    for (const auto* each = all.get(); each != nullptr; each = each->ai_next) {
        auto made = new_descriptor(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (made && attempt(made.get(), *each)) {
            return made;
        }
        failure = errno;
    }
    throw_refused(failure, doing);
}

void set_option(int socket, int level, int option, int value) noexcept {
    ::setsockopt(socket, level, option, &value, sizeof value);
}

bool has_connected(int socket, steady_time deadline) {
    if (!wait_writable(socket, deadline)) {
        errno = ETIMEDOUT;
        return false;
    }
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &failure, &size);
    errno = failure;
    return failure == 0;
}

bool nothing_now() {
    return errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS;
}

} // namespace

descriptor listen_tcp(const std::string& host, std::uint16_t port) {
    return first_of(resolve(host, port, AI_PASSIVE), "cannot wait for connections at " + name_of(host, port),
                    [](int socket, const addrinfo& at) {
                        set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1);
                        return ::bind(socket, at.ai_addr, at.ai_addrlen) == 0 &&
                               ::listen(socket, SOMAXCONN) == 0;
                    });
}

std::uint16_t port_of(int listener) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
        throw_errno("cannot determine the port of a socket");
    }
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

descriptor connect_tcp(const std::string& host, std::uint16_t port, steady_time deadline) {
    return first_of(resolve(host, port, 0), "cannot connect to " + name_of(host, port),
                    [&](int socket, const addrinfo& at) {
                        return ::connect(socket, at.ai_addr, at.ai_addrlen) == 0 ||
                               ((errno == EINPROGRESS || errno == EINTR) && has_connected(socket, deadline));
                    });
}

void be_prompt(int tcp_socket) noexcept {
    set_option(tcp_socket, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(tcp_socket, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(tcp_socket, IPPROTO_TCP, TCP_KEEPIDLE, 60);
    set_option(tcp_socket, IPPROTO_TCP, TCP_KEEPINTVL, 10);
    set_option(tcp_socket, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_option(tcp_socket, IPPROTO_TCP, TCP_USER_TIMEOUT, 90'000); // the same for what it does not confirm
}

std::optional<std::size_t> receive_some(int socket, std::span<std::byte> room) {
    const auto received = ::recv(socket, room.data(), room.size(), MSG_DONTWAIT);
    if (received >= 0) {
        return static_cast<std::size_t>(received);
    }
    if (!nothing_now()) {
        throw_errno("cannot receive");
    }
    return std::nullopt;
}

std::optional<std::size_t> send_some(int socket, const byte_pieces& pieces) {
    std::array<iovec, std::tuple_size_v<byte_pieces>> content{};
    for (std::size_t i = 0; i != pieces.size(); ++i) {
        content[i] = {const_cast<std::byte*>(pieces[i].data()), pieces[i].size()}; // sendmsg does not write
    }
    msghdr header{};
    header.msg_iov = content.data();
    header.msg_iovlen = content.size();
    const auto sent = ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
        return static_cast<std::size_t>(sent);
    }
    if (!nothing_now()) {
        throw_errno("cannot send");
    }
    return std::nullopt;
}

} // namespace multiprocessing::os
