// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "actor/packet.hpp"
#include "os/poll.hpp"
#include "os/unshared.hpp"

#include <multiprocessing/detail/completion.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>

namespace multiprocessing::detail {

/// A process that calls an actor of this one, as `actor_server` sees it: what it has called and what it is to
/// be told. Thread-safe, but for what is the server's thread's own.
class actor_guest {
public:
    /// `wake` is a flag that is set when something is left to be sent. A call of the guest's may be completed
    /// when the server is gone.
    actor_guest(os::descriptor socket, std::shared_ptr<const os::unshared_descriptor> wake)
        : socket_(std::move(socket)), wake_(std::move(wake)) {}

    // The server's thread's own.

    /// Has it waited for.
    void add_to(os::poll_set& all);
    [[nodiscard]] bool has_come(const os::poll_set& all) const { return all.is_readable(index_); }
    /// As `packet_receiver`'s.
    os::received_packet::type receive(incoming_packet& packet) {
        return receiver_.receive(socket_.get(), packet);
    }

    // Any thread.

    /// Throws `nonsense_received` when there is one of that id.
    void has_called(std::uint64_t id, const std::shared_ptr<completion>& state);
    void cancel(std::uint64_t id);

    /// Sends an answer at once, or leaves it to `send_answers`. Does not wait.
    void answer(std::uint64_t id, payload outcome, std::string printed = {});
    void answer_number(std::uint64_t id, long number);
    void answer_failure(std::uint64_t id, const std::exception_ptr& why);
    /// What there is room for.
    void send_answers();
    [[nodiscard]] bool has_answers();
    /// Nothing is received or sent any more, whoever else has the socket: calls that are not complete, and
    /// somebody's copy of this process.
    void hang_up() const noexcept { os::shut_down(socket_.get()); }

private:
    struct unsent {
        std::uint64_t id;
        payload outcome;
        std::string printed;
        std::optional<outgoing_packet> packet{}; // the next of it
    };

    // Under the lock.
    bool send_what_fits();
    os::delivery send(unsent& next);
    os::delivery send(unsent& next, packet_kind kind, std::span<const std::byte> content);

    const os::unshared_descriptor socket_;
    const std::shared_ptr<const os::unshared_descriptor> wake_;
    packet_receiver receiver_; // the thread's own
    std::size_t index_ = 0;    // as well

    std::mutex mutex_;                                                   // guards what follows
    std::unordered_map<std::uint64_t, std::weak_ptr<completion>> calls_; // not answered
    std::deque<unsent> to_send_;
};

} // namespace multiprocessing::detail
