// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// connection: a socket that keeps packets apart, a message in each.
#include "connection/ends.hpp"
#include "connection/packet_carrier.hpp"
#include "os/socket.hpp"
#include "os/unshared.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/connection.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace multiprocessing::detail {
namespace {

/// What a packet consists of:
///
///     | size | memory | descriptors | message ...           and the descriptors of the connections in it
///     | size | memory | descriptors |                       and before these a sealed memfd with the message
///
/// So a message is sent and received by one system call, and nobody can die in the middle.
struct packet_header {
    std::uint64_t size;        // of the message
    std::uint32_t memory;      // 1: it is in memory of its own
    std::uint32_t descriptors; // all that come along
};
static_assert(sizeof(packet_header) == packet_header_size);

/// How long to go on looking, and letting others run, before going to sleep: as long as being woken takes.
constexpr std::chrono::microseconds shortest_sleep{20};

[[noreturn]] void throw_nonsense() {
    throw decode_failed("what a connection has received is not what another one sends");
}

class packet_connection final : public connection_core {
public:
    packet_connection(os::descriptor socket, end_kind kind) : socket_(std::move(socket)), kind_(kind) {}

    [[nodiscard]] std::unique_ptr<descriptor_carrier> make_carrier() const override {
        return std::make_unique<packet_carrier>();
    }

    bool send(const value_bytes& message, const descriptor_carrier* carrier,
              const wait_limit& limit) override {
        const std::vector<int> none;
        const auto& carried =
            carrier != nullptr ? static_cast<const packet_carrier*>(carrier)->descriptors() : none;
        packet_header header{message.size(), 0, static_cast<std::uint32_t>(carried.size())};
        const auto head = std::as_bytes(std::span(&header, 1));
        if (message.size() <= largest_in_packet) {
            return send_packet({head, message.head, message.rest}, carried, limit);
        }
        const auto memory = os::make_sealed_memory("multiprocessing-message", message.head, message.rest);
        header.memory = 1;
        ++header.descriptors;
        std::vector<int> all{memory.get()};
        all.insert(all.end(), carried.begin(), carried.end());
        return send_packet({head}, all, limit);
    }

    std::optional<received_message> receive(std::span<std::byte> room, const wait_limit& limit) override {
        std::vector<os::descriptor> came;
        const auto packet = receive_packet(room, came, limit);
        if (packet.what == os::received_packet::type::nothing) {
            return std::nullopt;
        }
        if (packet.what == os::received_packet::type::end) {
            throw end_of_file("nothing is left to receive, and nobody has the other end any more");
        }
        packet_header header{};
        if (packet.size < sizeof header || packet.cut) {
            throw_nonsense();
        }
        std::memcpy(&header, room.data(), sizeof header);
        if (packet.lost) {
            throw_no_descriptor(header.size);
        }
        if (came.size() != header.descriptors || header.memory > header.descriptors) {
            throw_nonsense();
        }
        received_message result;
        const auto inside = room.first(packet.size).subspan(sizeof header);
        if (header.memory == 0) {
            if (inside.size() != header.size) {
                throw_nonsense();
            }
            result.content = {nullptr, inside};
        } else {
            result.content = read_message(std::move(came.front()), header.size);
            came.erase(came.begin());
        }
        if (!came.empty()) {
            result.carried = std::make_unique<packet_descriptors>(std::move(came));
        }
        return result;
    }

    bool poll(const wait_limit& limit) const override { return os::wait_readable(socket_.get(), limit); }
    [[nodiscard]] int native_handle() const noexcept override { return socket_.get(); }
    [[nodiscard]] bool is_readable() const noexcept override { return kind_ != end_kind::sends; }
    [[nodiscard]] bool is_writable() const noexcept override { return kind_ != end_kind::receives; }

    void put_to(encoder& out) const override {
        out.put(kind_);
        put_descriptor(out, socket_.get());
    }

private:
    bool send_packet(const os::packet_pieces& pieces, std::span<const int> descriptors,
                     const wait_limit& limit) {
        for (;;) {
            switch (os::send_packet(socket_.get(), pieces, descriptors)) {
            case os::delivery::done:
                return true;
            case os::delivery::no_peer:
                throw broken_pipe("nobody has the other end of the connection any more");
            case os::delivery::no_room:
                if (limit.is_over()) {
                    return false;
                }
                os::wait_writable(socket_.get(), limit);
            }
        }
    }

    os::received_packet receive_packet(std::span<std::byte> room, std::vector<os::descriptor>& came,
                                       const wait_limit& limit) {
        const auto try_receive = [&] { return os::receive_packet(socket_.get(), room, came); };
        const auto is_there = [](const auto& packet) {
            return packet.what != os::received_packet::type::nothing;
        };
        auto packet = try_receive();
        const auto begin = std::chrono::steady_clock::now();
        for (auto now = begin; !is_there(packet) && now < std::min(limit.deadline, begin + shortest_sleep);
             now = std::chrono::steady_clock::now()) {
            std::this_thread::yield();
            packet = try_receive();
        }
        while (!is_there(packet) && poll(limit)) {
            packet = try_receive(); // which somebody else may have done meanwhile
        }
        return packet;
    }

    static payload read_message(os::descriptor memory, std::size_t size) {
        try {
            return read_sealed(std::move(memory), size);
        } catch (const nonsense_received&) {
            throw_nonsense();
        }
    }

    const os::unshared_descriptor socket_;
    const end_kind kind_;
};

/// Of each thread, while nothing is received in it. Looked at when other objects of the thread are gone
/// already, so the memory is given back by somebody else.
thread_local std::byte* spare_room = nullptr;
thread_local bool thread_is_ending = false;
struct gives_spare_room_back {
    ~gives_spare_room_back() {
        thread_is_ending = true;
        delete[] std::exchange(spare_room, nullptr);
    }
};

} // namespace

packet_room::packet_room() {
    thread_local const gives_spare_room_back at_the_end;
    memory_ = std::exchange(spare_room, nullptr);
    if (memory_ == nullptr) {
        memory_ =
            std::make_unique_for_overwrite<std::byte[]>(packet_header_size + largest_in_packet).release();
    }
}

packet_room::~packet_room() {
    if (spare_room == nullptr && !thread_is_ending) {
        spare_room = memory_;
    } else {
        delete[] memory_;
    }
}

std::unique_ptr<connection_core> make_packet_end(os::descriptor socket, end_kind kind) {
    return std::make_unique<packet_connection>(std::move(socket), kind);
}

std::unique_ptr<connection_core> get_connection(decoder& in) {
    const auto kind = in.get<end_kind>();
    os::descriptor socket(get_descriptor(in));
    switch (kind) {
    case end_kind::receives:
    case end_kind::sends:
    case end_kind::both:
        return make_packet_end(std::move(socket), kind);
    case end_kind::stream:
        return make_stream_end(std::move(socket), static_cast<std::size_t>(in.get<std::uint64_t>()));
    }
    throw decode_failed("a connection is announced whose end is of no known kind");
}

std::pair<std::unique_ptr<connection_core>, std::unique_ptr<connection_core>> make_pipe_ends(bool duplex) {
    auto [first, second] = os::make_socket_pair();
    if (!duplex) {
        os::shut_down_sending(first.get());
    }
    return {make_packet_end(std::move(first), duplex ? end_kind::both : end_kind::receives),
            make_packet_end(std::move(second), duplex ? end_kind::both : end_kind::sends)};
}

} // namespace multiprocessing::detail
