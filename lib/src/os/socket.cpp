// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/socket.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <tuple>
#include <unistd.h>

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

void shut_down_sending(int socket) {
    if (::shutdown(socket, SHUT_WR) != 0) {
        throw_errno("cannot make a pipe that goes one way");
    }
}

void shut_down(int socket) noexcept {
    ::shutdown(socket, SHUT_RDWR);
}

namespace {

/// A packet, with room for so many descriptors.
template <std::size_t Pieces, std::size_t Descriptors>
struct message {
    std::array<iovec, Pieces> content{};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int) * Descriptors)> control; // not initialised
    msghdr header{};

    message() {
        header.msg_iov = content.data();
        header.msg_iovlen = content.size();
    }
    message(const message&) = delete;
    message& operator=(const message&) = delete;

    void set_piece(std::size_t index, std::span<const std::byte> piece) {
        content[index] = {const_cast<std::byte*>(piece.data()), piece.size()}; // sendmsg does not write to it
    }
    /// For so many and no more, which what is there for alignment would let in.
    void make_room_for_descriptors(std::size_t number) {
        header.msg_control = control.data();
        header.msg_controllen = CMSG_LEN(sizeof(int) * number);
    }
    void set_descriptors(std::span<const int> descriptors) {
        if (descriptors.empty()) {
            return;
        }
        make_room_for_descriptors(descriptors.size());
        auto* carried = CMSG_FIRSTHDR(&header);
        carried->cmsg_level = SOL_SOCKET;
        carried->cmsg_type = SCM_RIGHTS;
        carried->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(carried), descriptors.data(), descriptors.size_bytes());
    }
    /// Takes what has come.
    void take_descriptors(std::vector<descriptor>& carried) {
        const auto* came = CMSG_FIRSTHDR(&header);
        if (came == nullptr || came->cmsg_type != SCM_RIGHTS) {
            return;
        }
        const auto number = (came->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i != number; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(came) + i * sizeof fd, sizeof fd);
            carried.emplace_back(fd);
        }
    }
};

delivery send(int socket, const msghdr& header) {
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

received_packet receive(int socket, msghdr& header) {
    ssize_t received = -1;
    do {
        received = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        // A peer that is gone and had not received everything is told of once, before what it had sent.
    } while (received < 0 && errno == ECONNRESET);
    if (received < 0) {
        // A lack of memory passes; the packet stays where it is.
        const bool nothing_there = errno == EAGAIN || errno == EINTR || errno == ENOMEM || errno == ENOBUFS;
        return {.what = nothing_there ? received_packet::type::nothing : received_packet::type::end};
    }
    if (received == 0) {
        return {.what = received_packet::type::end};
    }
    return {.what = received_packet::type::packet,
            .size = static_cast<std::size_t>(received),
            .lost = (header.msg_flags & MSG_CTRUNC) != 0,
            .cut = (header.msg_flags & MSG_TRUNC) != 0};
}

} // namespace

delivery send_packet(int socket, std::span<const std::byte> packet, int fd) {
    message<1, 1> out;
    out.set_piece(0, packet);
    out.set_descriptors(std::span(&fd, fd >= 0 ? 1 : 0));
    return send(socket, out.header);
}

delivery send_packet(int socket, const packet_pieces& pieces, std::span<const int> descriptors) {
    message<std::tuple_size_v<packet_pieces>, most_descriptors> out;
    for (std::size_t i = 0; i != pieces.size(); ++i) {
        out.set_piece(i, pieces[i]);
    }
    out.set_descriptors(descriptors);
    return send(socket, out.header);
}

received_packet receive_packet(int socket, std::span<std::byte> buffer) {
    message<1, 1> in;
    in.set_piece(0, buffer);
    in.make_room_for_descriptors(1);
    auto result = receive(socket, in.header);
    if (result.what == received_packet::type::packet) {
        std::vector<descriptor> carried;
        in.take_descriptors(carried);
        if (!carried.empty()) {
            result.carried = std::move(carried.front());
            result.lost = false;
        }
    }
    return result;
}

received_packet receive_packet(int socket, std::span<std::byte> buffer, std::vector<descriptor>& carried) {
    message<1, most_descriptors> in;
    in.set_piece(0, buffer);
    in.make_room_for_descriptors(most_descriptors);
    auto result = receive(socket, in.header);
    if (result.what == received_packet::type::packet) {
        in.take_descriptors(carried);
    }
    return result;
}

delivery send_descriptors(int socket, std::span<const int> descriptors) {
    if (descriptors.size() > most_descriptors) {
        throw_refused(EMFILE, "cannot send descriptors to another process");
    }
    constexpr std::byte one{}; // there is no packet without content
    return send_packet(socket, {std::span(&one, 1)}, descriptors);
}

std::optional<std::vector<descriptor>> receive_descriptors(int socket) {
    std::vector<descriptor> result;
    std::byte one{};
    const auto received = receive_packet(socket, std::span(&one, 1), result);
    if (received.what == received_packet::type::end) {
        return std::nullopt;
    }
    if (received.lost) {
        result.clear();
    }
    return result;
}

namespace {

struct local_address {
    sockaddr_un address{};
    socklen_t size;

    explicit local_address(const std::string& name)
        : size(static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())) {
        address.sun_family = AF_UNIX;
        if (name.empty() || name.size() >= sizeof address.sun_path) {
            throw_refused(name.empty() ? EINVAL : ENAMETOOLONG,
                          "cannot use \"" + name + "\" as the name of a socket");
        }
        std::memcpy(address.sun_path, name.data(), name.size());
        if (is_abstract(name)) {
            address.sun_path[0] = '\0';
        } else {
            ++size; // a path ends with a zero
        }
    }
    static bool is_abstract(const std::string& name) { return name.front() == '@'; }
    [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&address); }
};

/// How long connecting may take.
void set_patience(int socket, steady_time deadline) {
    using namespace std::chrono;
    if (deadline == steady_time::max()) {
        return;
    }
    const auto left =
        ceil<milliseconds>(std::max(deadline - steady_clock::now(), steady_clock::duration(1ms)));
    const timeval limit{static_cast<time_t>(left.count() / 1000),
                        static_cast<suseconds_t>(left.count() % 1000 * 1000)};
    ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

descriptor make_local_socket(int flags) {
    auto made = new_descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
    if (!made) {
        throw_errno("cannot create a socket");
    }
    return made;
}

} // namespace

descriptor listen_under(const std::string& name) {
    const local_address address(name);
    auto listener = make_local_socket(SOCK_NONBLOCK);
    ::fchmod(listener.get(), S_IRUSR | S_IWUSR); // what a path gets
    if (::bind(listener.get(), address.get(), address.size) != 0 ||
        ::listen(listener.get(), SOMAXCONN) != 0) {
        throw_errno("cannot wait for connections at " + name);
    }
    return listener;
}

descriptor accept(int listener) {
    return new_descriptor(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

descriptor connect_to(const std::string& name, steady_time deadline) {
    const local_address address(name);
    auto made = make_local_socket(0);
    do {
        set_patience(made.get(), deadline);
        if (::connect(made.get(), address.get(), address.size) == 0) {
            return made;
        }
    } while (errno == EINTR);
    if (errno == EAGAIN) {
        errno = ETIMEDOUT;
    }
    throw_errno("cannot connect to " + name);
}

bool is_of_this_user(int socket) noexcept {
    ucred peer{};
    socklen_t size = sizeof peer;
    return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
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
