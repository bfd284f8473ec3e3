// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// connection over TCP: messages one behind the other, | size | message ..., which may be of any peer's
// making.
#include "connection/ends.hpp"
#include "connection/turn.hpp"
#include "os/tcp.hpp"
#include "os/unshared.hpp"

#include <multiprocessing/connection.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <utility>

namespace multiprocessing::detail {
namespace {

using frame_size = std::uint64_t;

/// How much memory is taken for a message before so much of it has come: announcing one costs nothing.
constexpr std::size_t ahead = std::size_t{256} << 10;

class no_carrier final : public descriptor_carrier {
public:
    void put(encoder&, int) override {
        throw not_encodable("a connection cannot be sent over TCP, only within one machine");
    }
};

/// Drops so many bytes from the beginning.
void drop(os::byte_pieces& pieces, std::size_t bytes) {
    for (auto& piece : pieces) {
        const auto here = std::min(bytes, piece.size());
        piece = piece.subspan(here);
        bytes -= here;
    }
}

class stream_connection final : public connection_core {
public:
    stream_connection(os::descriptor socket, std::size_t max_message)
        : socket_(std::move(socket)), max_message_(max_message) {}

    [[nodiscard]] std::unique_ptr<descriptor_carrier> make_carrier() const override {
        return std::make_unique<no_carrier>();
    }

    /// What is begun is sent, however long it takes: half a message would be the end of the connection.
    bool send(const value_bytes& message, const descriptor_carrier*, const wait_limit& limit) override {
        if (message.size() > max_message_) {
            throw not_encodable("a message of " + std::to_string(message.size()) +
                                " bytes is larger than this connection's max_message, " +
                                std::to_string(max_message_));
        }
        const turn mine(sending_, limit);
        if (!mine) {
            return false;
        }
        const frame_size size = message.size();
        bool has_begun = false;
        os::byte_pieces left{std::as_bytes(std::span(&size, 1)), message.head, message.rest};
        for (std::size_t to_send = sizeof size + message.size(); to_send != 0;) {
            const auto sent = try_send(left);
            if (sent != 0) {
                to_send -= sent;
                drop(left, sent);
                has_begun = true;
            } else if (!os::wait_writable(socket_.get(), has_begun ? steady_time::max() : limit)) {
                return false;
            }
        }
        return true;
    }

    /// Half a message that has come before the limit is kept for the next call.
    std::optional<received_message> receive(std::span<std::byte>, const wait_limit& limit) override {
        const turn mine(receiving_, limit);
        if (!mine) {
            return std::nullopt;
        }
        while (!is_complete()) {
            const auto room = next_room();
            const auto received = try_receive(room);
            if (received) {
                came(room.size(), *received);
            } else if (!os::wait_readable(socket_.get(), limit)) {
                return std::nullopt;
            }
        }
        auto message = std::make_shared<bytes>(std::exchange(message_, bytes()));
        header_received_ = 0;
        const std::span<const std::byte> content(*message);
        return received_message{{std::move(message), content}, nullptr};
    }

    bool poll(const wait_limit& limit) const override { return os::wait_readable(socket_.get(), limit); }
    [[nodiscard]] int native_handle() const noexcept override { return socket_.get(); }
    [[nodiscard]] bool is_readable() const noexcept override { return true; }
    [[nodiscard]] bool is_writable() const noexcept override { return true; }

    void put_to(encoder& out) const override {
        const turn mine(receiving_, steady_time::max());
        if (header_received_ != 0) {
            throw not_encodable("a connection that has received the beginning of a message cannot be sent: "
                                "receive the message first");
        }
        out.put(end_kind::stream);
        put_descriptor(out, socket_.get());
        out.put(std::uint64_t{max_message_});
    }

private:
    [[nodiscard]] frame_size announced() const {
        frame_size size = 0;
        std::memcpy(&size, header_.data(), sizeof size);
        return size;
    }
    [[nodiscard]] bool is_complete() const {
        return header_received_ == header_.size() && message_.size() == announced();
    }
    /// Where the next bytes go.
    std::span<std::byte> next_room() {
        if (header_received_ != header_.size()) {
            return std::span(header_).subspan(header_received_);
        }
        if (announced() > max_message_) {
            throw decode_failed("a message of " + std::to_string(announced()) +
                                " bytes is announced, which is more than this connection's max_message, " +
                                std::to_string(max_message_));
        }
        const auto size = std::min(ahead, static_cast<std::size_t>(announced()) - message_.size());
        return {message_.extend(size), size};
    }
    /// What was to be received there, and what was.
    void came(std::size_t room, std::size_t received) {
        if (header_received_ != header_.size()) {
            header_received_ += received;
        } else {
            message_.cut(message_.size() - (room - received));
        }
    }

    std::optional<std::size_t> try_receive(std::span<std::byte> room) {
        std::optional<std::size_t> received;
        const char* why_not = "nobody has the other end any more";
        try {
            received = os::receive_some(socket_.get(), room);
        } catch (const resource_error&) {
            received = 0;
            why_not = "the connection was lost";
        }
        if (received.value_or(1) == 0) {
            const bool is_between = header_received_ == 0;
            came(room.size(), 0);
            throw end_of_file(std::string(why_not) + (is_between ? "" : ": a message has come only in part"));
        }
        if (!received) {
            came(room.size(), 0);
        }
        return received;
    }

    std::size_t try_send(const os::byte_pieces& left) {
        try {
            return os::send_some(socket_.get(), left).value_or(0);
        } catch (const resource_error& e) {
            throw broken_pipe(std::string("nobody has the other end of the connection any more: ") +
                              e.what());
        }
    }

    const os::unshared_descriptor socket_;
    const std::size_t max_message_;
    turns sending_;
    mutable turns receiving_; // guards what follows: what has come of the next message
    std::array<std::byte, sizeof(frame_size)> header_{};
    std::size_t header_received_ = 0;
    bytes message_;
};

} // namespace

std::unique_ptr<connection_core> make_stream_end(os::descriptor socket, std::size_t max_message) {
    return std::make_unique<stream_connection>(std::move(socket), max_message);
}

} // namespace multiprocessing::detail
