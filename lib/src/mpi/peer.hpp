// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/stream.hpp"

#include <multiprocessing/detail/wait_limit.hpp>

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/request.hpp>
#include <deque>
#include <mpi.h>
#include <optional>
#include <vector>

namespace multiprocessing::detail {

/// Who has nothing else to say says so often that it is alive.
inline constexpr std::chrono::milliseconds heartbeat{100};

/// Somebody at the other end of a communicator, to whom messages are sent and from whom they come. For the
/// thread that MPI belongs to.
///
/// Nothing here waits: a chunk to or from a process that has died or stands still never gets all the way.
/// What is under way at the end of this keeps its memory for ever, since MPI may still use it.
class peer {
public:
    peer(boost::mpi::communicator line, int rank);
    ~peer();
    peer(const peer&) = delete;
    peer& operator=(const peer&) = delete;

    void send(node_message message) { outgoing_.push(std::move(message)); }
    /// The same, instead of all that has not begun to be sent.
    void send_at_once(node_message message) {
        outgoing_.drop_what_has_not_begun();
        send(std::move(message));
    }
    /// Hands over to MPI what it takes, and says something if there has been nothing to say for a while.
    /// Whether anything has moved. Throws `boost::mpi::exception` when it cannot be sent to.
    bool advance(steady_time now);
    /// Nothing is left to be sent, nor under way to it.
    [[nodiscard]] bool is_quiet() const noexcept { return outgoing_.empty() && under_way_.empty(); }

    /// Takes the messages that have come, as far as they are complete. Whether anything has moved. Throws
    /// `boost::mpi::exception`, and what `incoming_stream::append` and `take` throw; then this is of no use
    /// any more.
    template <class Take>
    bool receive(steady_time now, const Take& take) {
        bool moved = false;
        for (int chunks = 0; chunks != most_in_a_turn && next_has_come(); ++chunks) {
            last_heard_ = now;
            moved = true;
            auto& first = arriving_.front();
            incoming_.append(std::span(first.content).first(first.size), take);
            spare_ = std::move(first.content);
            arriving_.pop_front();
        }
        return moved;
    }
    [[nodiscard]] steady_time last_heard() const noexcept { return last_heard_; }
    /// So much of its silence does not count.
    void excuse(steady_time::duration silence) noexcept { last_heard_ += silence; }

private:
    struct sent_chunk {
        std::vector<std::byte> content;
        boost::mpi::request request;
    };
    struct arriving_chunk {
        std::vector<std::byte> content; // at least as large as the chunk
        std::size_t size;
        MPI_Request request; // Boost.MPI receives nothing whose size it has not been told
    };
    /// Enough to keep the way there busy.
    static constexpr std::size_t most_under_way = 4;
    /// Chunks that are received between two looks at other things.
    static constexpr int most_in_a_turn = 8;

    bool next_has_come();
    bool expect_next();

    boost::mpi::communicator line_;
    int rank_;
    outgoing_stream outgoing_;
    incoming_stream incoming_;
    std::deque<sent_chunk> under_way_;
    std::deque<arriving_chunk> arriving_; // in the order in which they were sent
    std::vector<std::byte> spare_;        // for the next one
    steady_time last_heard_;
    steady_time last_said_;
};

} // namespace multiprocessing::detail
