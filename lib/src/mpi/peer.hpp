// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/stream.hpp"

#include <multiprocessing/detail/wait_limit.hpp>

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/request.hpp>
#include <deque>
#include <span>
#include <vector>

namespace multiprocessing::detail {

/// An agent or root is told of by the other as alive so often, if there is nothing else to say.
inline constexpr std::chrono::milliseconds heartbeat{100};

/// Somebody at the other end of a communicator, to whom messages are sent and from whom they come. For the
/// thread that MPI belongs to.
///
/// Nothing here waits: a send to a process that is dead never completes. What was under way to it then keeps
/// its memory to the end, which MPI may still look at.
class peer {
public:
    peer(boost::mpi::communicator line, int rank);
    ~peer();
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    void send(node_message message) { outgoing_.push(std::move(message)); }
    /// Hands over to MPI what it takes, and says something if there has been nothing to say for a while.
    /// Whether anything has moved. Throws `boost::mpi::exception` when it cannot be sent to.
    bool advance(steady_time now);
    /// Nothing is left to be sent, nor under way.
    [[nodiscard]] bool is_quiet() const noexcept { return outgoing_.empty() && under_way_.empty(); }

    /// A chunk has come from it. Throws what `incoming_stream::append` throws.
    template <class Take>
    void received(std::span<const std::byte> chunk, steady_time now, const Take& take) {
        last_heard_ = now;
        incoming_.append(chunk, take);
    }
    [[nodiscard]] steady_time last_heard() const noexcept { return last_heard_; }
    /// Its silence up to now does not count.
    void excuse(steady_time now) noexcept { last_heard_ = now; }

private:
    struct sent_chunk {
        std::vector<std::byte> content;
        boost::mpi::request request;
    };
    /// Enough to keep the way there busy.
    static constexpr std::size_t most_under_way = 4;

    boost::mpi::communicator line_;
    int rank_;
    outgoing_stream outgoing_;
    incoming_stream incoming_;
    std::deque<sent_chunk> under_way_;
    steady_time last_heard_;
    steady_time last_said_;
};

/// Receives a chunk from anybody on a communicator. Does not wait.
class chunk_receiver {
public:
    struct chunk {
        int rank = -1;                        ///< who sent it; -1: there is none
        std::span<const std::byte> content{}; ///< until the next one is received
    };
    /// Throws `boost::mpi::exception`.
    chunk receive(const boost::mpi::communicator& line);

private:
    std::vector<std::byte> room_;
};

/// The tag of all that is sent.
inline constexpr int chunk_tag = 1;

} // namespace multiprocessing::detail
