// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Sockets that keep packets apart, descriptors that travel with them; and what a worker and its parent send
/// over theirs: the way of a last report.
namespace multiprocessing::os {

/// Two connected ends that keep messages apart (SOCK_SEQPACKET), non-blocking.
std::pair<descriptor, descriptor> make_socket_pair();

/// Of such a pair: from now on nothing goes from here to there. Throws `resource_error`.
void shut_down_sending(int socket);
/// From now on nothing goes either way, for nobody who has it open, and nobody connects to it: the other end
/// sees the end of the file.
void shut_down(int socket) noexcept;

/// What became of a packet.
enum class delivery { done, no_room, no_peer };
/// Sends a packet, and with it a descriptor unless `fd` is -1. Does not wait. Throws `resource_error`.
delivery send_packet(int socket, std::span<const std::byte> packet, int fd = -1);

/// The most that travel with a packet: the kernel's limit.
inline constexpr std::size_t most_descriptors = 253;
/// A packet that is put together from pieces.
using packet_pieces = std::array<std::span<const std::byte>, 3>;
/// The same, with any number of descriptors up to `most_descriptors`.
delivery send_packet(int socket, const packet_pieces& pieces, std::span<const int> descriptors);

/// What was received.
struct received_packet {
    enum class type { nothing, packet, end };
    type what = type::nothing;
    std::size_t size = 0;
    descriptor carried{};
    bool lost = false; ///< a descriptor came along, and this process had no number left for it
    bool cut = false;  ///< it did not fit
};
/// Receives a packet into `buffer`; what does not fit is cut off. Does not wait.
received_packet receive_packet(int socket, std::span<std::byte> buffer);
/// The same, with all descriptors that came along.
received_packet receive_packet(int socket, std::span<std::byte> buffer, std::vector<descriptor>& carried);

/// Sends descriptors, at most `most_descriptors`, in a packet of their own. Does not wait. Throws
/// `resource_error`.
delivery send_descriptors(int socket, std::span<const int> descriptors);
/// Receives such a packet: no descriptors when there is none, or this process has no numbers left for them;
/// nothing when there will be none.
std::optional<std::vector<descriptor>> receive_descriptors(int socket);

/// A socket for connections of processes on this machine, which keeps packets apart. A name that begins with
/// an
/// @ is an abstract one, which goes with the socket; another one is a path, which is only for this user, and
/// stays. Throws `resource_error`.
[[gnu::visibility("default")]] descriptor listen_under(const std::string& name);
/// Does not wait: nothing when nobody has connected.
[[gnu::visibility("default")]] descriptor accept(int listener);
/// Throws `resource_error`: when nobody has that name, or does not answer in time.
[[gnu::visibility("default")]] descriptor connect_to(const std::string& name, steady_time deadline);
/// Whether the other end was made by a process of this user.
[[nodiscard]] bool is_of_this_user(int socket) noexcept;

/// Hands a descriptor to the peer, with a tag to recognise it by; false when the peer is gone. Throws
/// `resource_error`.
bool send_descriptor(int socket, int fd, std::uint64_t tag);

/// No packet is larger than this: a report is the largest.
inline constexpr std::size_t largest_packet = std::size_t{68} << 10;

/// What arrived over a socket that descriptors are sent over.
struct arrival {
    enum class type { nothing, descriptor, report, nonsense, end };
    type what = type::nothing;
    descriptor carried{}; ///< none if this process had no number left for it: then it is lost
    std::uint64_t tag = 0;
    std::vector<std::byte> report{}; ///< any message that is too long for a tag
};
/// Does not wait.
arrival receive(int socket);

} // namespace multiprocessing::os
