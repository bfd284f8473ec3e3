// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/connection.hpp>
#include <multiprocessing/detail/wait_limit.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#pragma GCC visibility push(default)

/// Connections between processes that are not related, on one machine or over a network. Opt-in: not part of
/// `multiprocessing.hpp`, and to be linked with `multiprocessing::listener`, which needs OpenSSL's libcrypto.
namespace multiprocessing {

/// Of a socket on this machine: a path, or, after an @, a name that exists as long as the listener.
struct local_address {
    std::string name; ///< the path, or @ and the name
    /// Whether they are the same text.
    bool operator==(const local_address&) const = default;
};
/// Of a socket that other machines reach.
struct tcp_address {
    std::string host;       ///< a name or number; of a listener, which of its machine's addresses it is
    std::uint16_t port = 0; ///< 0, of a listener: any that is free
    /// Whether they are the same text and number.
    bool operator==(const tcp_address&) const = default;
};
/// Where a listener is, of either kind.
using address = std::variant<local_address, tcp_address>;
/// "/run/x", "@x" or "localhost:4711".
[[nodiscard]] std::string to_string(const address& where);

/// What a connection may take.
struct link_options {
    /// Of a message over TCP, in bytes, sent or received: another machine is not to take as much of this
    /// one's memory as it likes.
    std::size_t max_message = std::size_t{64} << 20;
    /// How long the other side may take to prove that it knows the key.
    std::chrono::milliseconds handshake_time{10'000};
};

namespace detail {
class listener_core;
std::unique_ptr<connection_core> connect(const address& where, std::string_view authkey,
                                         const link_options& options);
} // namespace detail

/// Waits for others to connect, and has both sides prove to one another that they know the same key: by
/// HMAC-SHA256 over random numbers, so that the key itself does not travel. Who does not know it is turned
/// away, and gets nothing but that done: 80 bytes of it are looked at.
///
/// The key is to be long and random, as whoever connects can try to guess it at leisure. What is sent later
/// is neither encrypted nor signed: over a network that others can listen to or meddle with, use a tunnel.
/// Both sides are to be the same program; on another kind of machine it is turned away.
///
/// A connection to a local address is as one of a `pipe`. Over TCP the connection is of no more than
/// `max_message` bytes a message; no connections can be sent over it; a time limit of `send_for` is one for
/// its beginning; `poll` is true when part of a message is there; and a message larger than this side
/// receives is `decode_failed`, for good. A machine that is gone is noticed within a minute and a half.
///
/// Threads: all members but moving, `close` and destruction may be called from several threads at once.
class listener {
public:
    /// From then on others can connect. Throws `std::invalid_argument` for an empty key, and `resource_error`
    /// when the address is in use, or cannot be had.
    listener(const multiprocessing::address& where, std::string_view authkey,
             const link_options& options = {});
    /// Removes a path.
    ~listener();
    /// What has been moved from can only be destroyed or assigned to.
    listener(listener&&) noexcept;
    listener& operator=(listener&&) noexcept;

    /// Waits until somebody has connected and proved to know the key. Throws `resource_error` when there is
    /// no descriptor for whoever connects.
    template <class T>
    [[nodiscard]] connection<T> accept() {
        return connection<T>(accept_before(detail::steady_time::max()));
    }
    /// The same, but empty when nobody has in time, or until it was asked to stop.
    template <class T>
    [[nodiscard]] std::optional<connection<T>> accept(std::stop_token stop) {
        return made<T>(accept_before(std::move(stop)));
    }
    template <class T, class Rep, class Period>
    [[nodiscard]] std::optional<connection<T>> accept_for(std::chrono::duration<Rep, Period> duration,
                                                          std::stop_token stop = {}) {
        return made<T>(accept_before({detail::deadline_after(duration), std::move(stop)}));
    }
    template <class T, class Clock, class Duration>
    [[nodiscard]] std::optional<connection<T>> accept_until(std::chrono::time_point<Clock, Duration> time,
                                                            std::stop_token stop = {}) {
        return made<T>(accept_before({detail::on_steady_clock(time), std::move(stop)}));
    }

    /// Where it listens, with the port that it has got.
    [[nodiscard]] const multiprocessing::address& address() const;
    /// How many have been turned away so far.
    [[nodiscard]] std::size_t refused() const;
    /// A descriptor that is readable when somebody connects, for `wait`. Owned by this object.
    [[nodiscard]] int native_handle() const;

private:
    template <class T>
    static std::optional<connection<T>> made(std::unique_ptr<detail::connection_core> core) {
        return core != nullptr ? std::optional(connection<T>(std::move(core))) : std::nullopt;
    }
    std::unique_ptr<detail::connection_core> accept_before(const detail::wait_limit& limit);

    std::unique_ptr<detail::listener_core> core_;
};

/// Connects to a listener. Throws `authentication_failed` when the two do not have the same key,
/// `resource_error` when nobody listens there, or does not answer in time, and `std::invalid_argument` for an
/// empty key.
template <class T>
[[nodiscard]] connection<T> connect(const address& where, std::string_view authkey,
                                    const link_options& options = {}) {
    return connection<T>(detail::connect(where, authkey, options));
}

} // namespace multiprocessing

#pragma GCC visibility pop
