// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/listener.hpp>

#include "connection/ends.hpp"
#include "connection/turn.hpp"
#include "listener/handshake.hpp"
#include "os/copy.hpp"
#include "os/poll.hpp"
#include "os/socket.hpp"
#include "os/tcp.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <limits>
#include <list>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace multiprocessing {
namespace detail {
namespace {

/// How many may be in the middle of their proof. More wait in the kernel.
constexpr std::size_t most_unproved = 64;

/// So much of a key counts nothing for anybody, and fits what OpenSSL takes.
constexpr std::size_t longest_key = 4096;

void check_key(std::string_view key) {
    if (key.empty() || key.size() > longest_key) {
        throw std::invalid_argument("multiprocessing: a key of 1 to 4096 bytes is needed");
    }
}

bool is_local(const address& where) {
    return std::holds_alternative<local_address>(where);
}

/// Whoever has connected, until both sides are sure of one another. Its socket may be one that keeps packets
/// apart: a packet is what one side says without an answer.
class unproved {
public:
    unproved(os::descriptor socket, handshake::role side, std::string_view key, steady_time deadline)
        : socket_(std::move(socket)), handshake_(side, key, new_nonce()), deadline_(deadline) {
        send();
    }

    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
    [[nodiscard]] steady_time deadline() const noexcept { return deadline_; }
    [[nodiscard]] bool is_proved() const noexcept { return handshake_.is_over(); }

    /// Takes what has come, and answers. Throws `authentication_failed`, `resource_error`.
    void go_on() {
        std::array<std::byte, 128> room; // not initialised
        while (handshake_.wanted() != 0) {
            const auto received = os::receive_some(
                descriptor(), std::span(room).first(std::min(room.size(), handshake_.wanted())));
            if (!received) {
                return;
            }
            if (*received == 0) {
                throw authentication_failed("the other side has hung up: it has another key, most likely");
            }
            handshake_.receive(std::span(room).first(*received));
            send();
        }
    }

    [[nodiscard]] os::descriptor take_socket() { return std::move(socket_); }

private:
    void send() {
        const auto output = handshake_.take_output();
        if (!output.empty() &&
            os::send_some(descriptor(), {output}) != output.size()) { // nothing was sent before
            throw authentication_failed("the other side does not receive");
        }
    }

    os::descriptor socket_;
    handshake handshake_;
    steady_time deadline_;
};

std::unique_ptr<connection_core> make_end(os::descriptor socket, const address& where,
                                          const link_options& options) {
    return is_local(where) ? make_packet_end(std::move(socket), end_kind::both)
                           : make_stream_end(std::move(socket), options.max_message);
}

os::descriptor listen_at(address& where) {
    if (const auto* const local = std::get_if<local_address>(&where)) {
        return os::listen_under(local->name);
    }
    auto& tcp = std::get<tcp_address>(where);
    auto socket = os::listen_tcp(tcp.host, tcp.port);
    tcp.port = os::port_of(socket.get());
    return socket;
}

os::descriptor connect_at(const address& where, steady_time deadline) {
    if (const auto* const local = std::get_if<local_address>(&where)) {
        return os::connect_to(local->name, deadline);
    }
    const auto& tcp = std::get<tcp_address>(where);
    auto socket = os::connect_tcp(tcp.host, tcp.port, deadline);
    os::be_prompt(socket.get());
    return socket;
}

} // namespace

class listener_core {
public:
    listener_core(address where, std::string_view key, const link_options& options)
        : where_(std::move(where)), key_(key), options_(options), socket_(listen_at(where_)) {}
    ~listener_core() {
        const auto* const local = std::get_if<local_address>(&where_);
        if (local != nullptr && !local->name.starts_with('@') && maker_.is_this_process()) {
            ::unlink(local->name.c_str());
        }
    }
    listener_core(const listener_core&) = delete;
    listener_core& operator=(const listener_core&) = delete;

    [[nodiscard]] const address& where() const noexcept { return where_; }
    [[nodiscard]] std::size_t refused() const noexcept { return refused_.load(); }
    [[nodiscard]] int native_handle() const noexcept { return socket_.get(); }

    std::unique_ptr<connection_core> accept(const wait_limit& limit) {
        const turn mine(accepting_, limit);
        if (!mine) {
            return nullptr;
        }
        for (;;) {
            os::poll_set all;
            // Who comes while too many are in the middle of it waits.
            const auto listening =
                unproved_.size() < most_unproved ? std::optional(all.add(socket_.get())) : std::nullopt;
            auto next = limit.deadline;
            std::vector<std::size_t> places;
            for (const auto& each : unproved_) {
                places.push_back(all.add(each.descriptor()));
                next = std::min(next, each.deadline());
            }
            all.wait({next, limit.stop});
            if (auto proved = look_at_unproved(all, places)) {
                return make_end(std::move(proved), where_, options_);
            }
            if (listening && all.is_readable(*listening)) {
                accept_some();
            }
            if (limit.is_over()) {
                return nullptr;
            }
        }
    }

private:
    /// The socket of one that is proved; who has failed goes.
    os::descriptor look_at_unproved(const os::poll_set& all, const std::vector<std::size_t>& places) {
        const auto now = std::chrono::steady_clock::now();
        auto place = places.begin();
        for (auto each = unproved_.begin(); each != unproved_.end();) {
            bool has_failed = each->deadline() <= now;
            if (all.is_readable(*place++)) {
                try {
                    each->go_on();
                } catch (const error&) {
                    has_failed = true;
                }
            }
            if (each->is_proved()) {
                auto socket = each->take_socket();
                unproved_.erase(each);
                return socket;
            }
            if (has_failed) {
                ++refused_;
                each = unproved_.erase(each);
            } else {
                ++each;
            }
        }
        return {};
    }

    void accept_some() {
        while (unproved_.size() < most_unproved) {
            auto socket = os::accept(socket_.get());
            if (!socket) {
                if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
                    os::throw_errno("cannot accept a connection at " + to_string(where_));
                }
                return;
            }
            if (!is_local(where_)) {
                os::be_prompt(socket.get());
            }
            try {
                unproved_.emplace_back(std::move(socket), handshake::role::accepts, key_,
                                       deadline_after(options_.handshake_time));
            } catch (const error&) { // gone already
                ++refused_;
            }
        }
    }

    const os::maker maker_{};
    address where_;
    const std::string key_;
    const link_options options_;
    const os::descriptor socket_;
    std::atomic<std::size_t> refused_{0};
    turns accepting_; // guards what follows
    std::list<unproved> unproved_;
};

std::unique_ptr<connection_core> connect(const address& where, std::string_view key,
                                         const link_options& options) {
    check_key(key);
    const auto deadline = deadline_after(options.handshake_time);
    unproved link(connect_at(where, deadline), handshake::role::connects, key, deadline);
    while (!link.is_proved()) {
        if (!os::wait_readable(link.descriptor(), deadline)) {
            os::throw_refused(ETIMEDOUT, "the listener at " + to_string(where) + " does not answer");
        }
        link.go_on();
    }
    return make_end(link.take_socket(), where, options);
}

} // namespace detail

std::string to_string(const address& where) {
    if (const auto* const local = std::get_if<local_address>(&where)) {
        return local->name;
    }
    const auto& tcp = std::get<tcp_address>(where);
    return tcp.host + ":" + std::to_string(tcp.port);
}

listener::listener(const multiprocessing::address& where, std::string_view authkey,
                   const link_options& options) {
    detail::check_key(authkey);
    core_ = std::make_unique<detail::listener_core>(where, authkey, options);
}
listener::~listener() = default;
listener::listener(listener&&) noexcept = default;
listener& listener::operator=(listener&&) noexcept = default;

std::unique_ptr<detail::connection_core> listener::accept_before(const detail::wait_limit& limit) {
    return core_->accept(limit);
}

const address& listener::address() const {
    return core_->where();
}
std::size_t listener::refused() const {
    return core_->refused();
}
int listener::native_handle() const {
    return core_->native_handle();
}

} // namespace multiprocessing
