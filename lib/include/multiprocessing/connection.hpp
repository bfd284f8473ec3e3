// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/detail/value_bytes.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <stop_token>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// How long a connection, or the writer of a queue, that was put in a queue, or returned by a task, waits to
/// be received. It waits in the process that sent it, and no longer than that lives.
inline constexpr std::chrono::minutes longest_on_the_way{10};

namespace detail {

/// A message as it arrives.
struct received_message {
    payload content;
    std::unique_ptr<carried_descriptors> carried; ///< null if there are none
};

/// What a `connection<T>` has, in bytes: one end of a socket that keeps messages apart. Thread-safe.
class connection_core {
public:
    virtual ~connection_core() = default;
    /// Where the connections go that a value holds, on their way through this one.
    [[nodiscard]] virtual std::unique_ptr<descriptor_carrier> make_carrier() const = 0;
    /// Sends a message, whole or not at all; whether before the limit. `carrier` is one that it has made,
    /// or null. Throws `broken_pipe`, `resource_error`.
    virtual bool send(const value_bytes& message, const descriptor_carrier* carrier,
                      const wait_limit& limit) = 0;
    /// Empty when the limit came first. A message that fits into `room` is received there, and valid as
    /// long as that is. Throws `end_of_file`, `decode_failed`, `resource_error`.
    virtual std::optional<received_message> receive(std::span<std::byte> room, const wait_limit& limit) = 0;
    /// Whether there is a message before the limit, or the end of the file.
    virtual bool poll(const wait_limit& limit) const = 0;
    [[nodiscard]] virtual int native_handle() const noexcept = 0;
    [[nodiscard]] virtual bool is_readable() const noexcept = 0;
    [[nodiscard]] virtual bool is_writable() const noexcept = 0;
    /// Appends what `get_connection` makes another handle to the same end of.
    virtual void put_to(encoder& out) const = 0;
};

/// Throws `decode_failed`, `resource_error`.
std::unique_ptr<connection_core> get_connection(decoder& in);

/// Two ends; of a pipe that goes one way, that to read from and that to write to. Throws `resource_error`.
std::pair<std::unique_ptr<connection_core>, std::unique_ptr<connection_core>> make_pipe_ends(bool duplex);

/// What is larger travels in memory of its own, which costs more than twice as much for each byte. The kernel
/// takes no packets of more than 208 KiB unless told otherwise.
inline constexpr std::size_t largest_in_packet = 192 * 1024;
inline constexpr std::size_t packet_header_size = 16;

/// Room for a packet: the last one that this thread has had, since fresh memory is dear.
class packet_room {
public:
    packet_room();
    ~packet_room();
    packet_room(const packet_room&) = delete;
    packet_room& operator=(const packet_room&) = delete;
    [[nodiscard]] std::span<std::byte> span() const noexcept {
        return {memory_, packet_header_size + largest_in_packet};
    }

private:
    std::byte* memory_;
};

} // namespace detail

/// One end of a way for messages, mostly between two processes: what one end sends the other receives, in
/// order, each message whole. See `pipe`.
///
/// Move-only, and the end is closed with it. Sent to another process, as an argument, in a queue or through
/// another connection, it arrives as a further handle to the same end; this one stays and is to be closed, or
/// the other side does not learn when the others are gone. It ends when all handles to it are closed, by
/// whatever death: then the other side gets the rest of what was sent, and `end_of_file`.
///
/// As an argument of a task the handle stays in this process as well until the task is complete; as one of a
/// process that is to be started, until it has been. In a queue, and as a task's result, it waits for its
/// receiver in the process that sent it, for at most `longest_on_the_way`; through another connection it
/// needs nobody.
///
/// Several processes and threads may send to and receive from one end at once: each message goes to one
/// receiver, whole. A process that is killed at any instant leaves no half of a message: what it was sending
/// is sent or not, and what it was receiving goes with it.
///
/// Members throw `std::logic_error` on a closed connection (default-constructed, moved from, `close`), and
/// for a direction that it does not have. Moving, `close` and destruction are not to happen while another
/// thread uses the object.
template <class T>
class connection {
public:
    /// Closed.
    connection() = default;

    /// Sends a value. Waits for room, of which there is some for about 200 KiB, or 270 small messages: the
    /// other side is to receive meanwhile. Throws `broken_pipe` when nobody has the other end any more, what
    /// encoding `value` throws, and `resource_error` when there is no memory or descriptor for a large one.
    void send(const T& value) { (void)send_before(value, detail::steady_time::max()); }
    /// The same, but false when there was no room within that time, or until it was asked to stop: then
    /// nothing of it was sent.
    [[nodiscard]] bool send(const T& value, std::stop_token stop) {
        return send_before(value, std::move(stop));
    }
    template <class Rep, class Period>
    [[nodiscard]] bool send_for(const T& value, std::chrono::duration<Rep, Period> duration,
                                std::stop_token stop = {}) {
        return send_before(value, {detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool send_until(const T& value, std::chrono::time_point<Clock, Duration> time,
                                  std::stop_token stop = {}) {
        return send_before(value, {detail::on_steady_clock(time), std::move(stop)});
    }
    [[nodiscard]] bool try_send(const T& value) { return send_before(value, detail::steady_time::min()); }

    /// Waits for a value. Throws `end_of_file` when nothing is left and nobody has the other end any more,
    /// `decode_failed` when the message is no T, and `resource_error` when there is no memory or descriptor
    /// for it; that message is gone then.
    T recv() { return *receive_before(detail::steady_time::max()); }
    /// The same, but empty when none has come within that time, or until it was asked to stop.
    [[nodiscard]] std::optional<T> recv(std::stop_token stop) { return receive_before(std::move(stop)); }
    template <class Rep, class Period>
    std::optional<T> recv_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return receive_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    std::optional<T> recv_until(std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
        return receive_before({detail::on_steady_clock(time), std::move(stop)});
    }
    std::optional<T> try_recv() { return receive_before(detail::steady_time::min()); }

    /// Whether `recv` would not wait: a message is there, or the end of the file. Waits at most so long for
    /// that, and until it is asked to stop.
    [[nodiscard]] bool poll() const { return reader().poll(detail::steady_time::min()); }
    template <class Rep, class Period>
    [[nodiscard]] bool poll(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) const {
        return reader().poll({detail::deadline_after(duration), std::move(stop)});
    }

    /// The same as `send` and `recv` for a message of these bytes, and nothing else.
    void send_bytes(std::span<const std::byte> message) {
        (void)writer().send({message, {}}, nullptr, detail::steady_time::max());
    }
    [[nodiscard]] std::vector<std::byte> recv_bytes() {
        const detail::packet_room room;
        const auto received = reader().receive(room.span(), detail::steady_time::max());
        const auto bytes = received->content.bytes();
        return {bytes.begin(), bytes.end()};
    }

    /// Does nothing when it is closed.
    void close() noexcept { core_.reset(); }
    [[nodiscard]] bool closed() const noexcept { return core_ == nullptr; }
    /// Whether this end is for receiving, and for sending; not when closed.
    [[nodiscard]] bool readable() const noexcept { return core_ != nullptr && core_->is_readable(); }
    [[nodiscard]] bool writable() const noexcept { return core_ != nullptr && core_->is_writable(); }
    /// A descriptor that is readable when `poll` is true. Owned by this object.
    [[nodiscard]] int native_handle() const { return open().native_handle(); }

    /// For the library's own use.
    explicit connection(std::unique_ptr<detail::connection_core> core) : core_(std::move(core)) {}

private:
    friend struct detail::codec<connection>;

    [[nodiscard]] detail::connection_core& open() const {
        if (core_ == nullptr) {
            throw std::logic_error("multiprocessing::connection: it is closed");
        }
        return *core_;
    }
    [[nodiscard]] detail::connection_core& reader() const {
        if (!open().is_readable()) {
            throw std::logic_error("multiprocessing::connection: this end is for sending only");
        }
        return *core_;
    }
    [[nodiscard]] detail::connection_core& writer() const {
        if (!open().is_writable()) {
            throw std::logic_error("multiprocessing::connection: this end is for receiving only");
        }
        return *core_;
    }

    bool send_before(const T& value, const detail::wait_limit& limit) {
        auto& core = writer();
        std::unique_ptr<detail::descriptor_carrier> carrier;
        if constexpr (!detail::plain_bytes<T> && !detail::block_container<T>) { // they hold no connections
            carrier = core.make_carrier();
        }
        return detail::with_bytes_of(
            value,
            [&](const detail::value_bytes& message) { return core.send(message, carrier.get(), limit); },
            carrier.get());
    }

    std::optional<T> receive_before(const detail::wait_limit& limit) {
        const detail::packet_room room;
        auto received = reader().receive(room.span(), limit);
        if (!received) {
            return std::nullopt;
        }
        return decode<T>(received->content.bytes(), received->carried.get());
    }

    std::unique_ptr<detail::connection_core> core_; // null when closed
};

/// For `pipe`: it is to go one way.
struct one_way_t {
    explicit one_way_t() = default;
};
/// The argument of `pipe` that says so.
inline constexpr one_way_t one_way{};

/// The two ends of a pipe, each for sending and receiving. Throws `resource_error` when there is no
/// descriptor.
template <class T>
[[nodiscard]] std::pair<connection<T>, connection<T>> pipe() {
    detail::must_travel<T>();
    auto [first, second] = detail::make_pipe_ends(true);
    return {connection<T>(std::move(first)), connection<T>(std::move(second))};
}
/// The end to receive from, and the end to send to.
template <class T>
[[nodiscard]] std::pair<connection<T>, connection<T>> pipe(one_way_t) {
    detail::must_travel<T>();
    auto [reader, writer] = detail::make_pipe_ends(false);
    return {connection<T>(std::move(reader)), connection<T>(std::move(writer))};
}

namespace detail {
/// A connection travels as a further descriptor of its end.
template <class T>
struct codec<connection<T>> {
    static void encode(encoder& out, const connection<T>& value) { value.open().put_to(out); }
    static connection<T> decode(decoder& in) { return connection<T>(get_connection(in)); }
};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
