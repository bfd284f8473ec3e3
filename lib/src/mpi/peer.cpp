// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/peer.hpp"

#include "os/copy.hpp"

#include <boost/mpi/exception.hpp>
#include <memory>
#include <mpi.h>
#include <utility>

namespace multiprocessing::detail {

peer::peer(boost::mpi::communicator line, int rank)
    : line_(std::move(line)),
      rank_(rank),
      last_heard_(std::chrono::steady_clock::now()),
      last_said_(last_heard_) {}

peer::~peer() {
    if (!under_way_.empty()) {
        os::abandon(std::make_unique<std::deque<sent_chunk>>(std::move(under_way_)));
    }
}

bool peer::advance(steady_time now) {
    bool moved = false;
    while (!under_way_.empty() && under_way_.front().request.test()) {
        under_way_.pop_front();
        moved = true;
    }
    if (is_quiet() && now - last_said_ >= heartbeat) {
        send({.kind = message_kind::alive});
    }
    while (under_way_.size() != most_under_way && !outgoing_.empty()) {
        auto& chunk = under_way_.emplace_back();
        chunk.content = outgoing_.next_chunk();
        chunk.request = line_.isend(rank_, chunk_tag, reinterpret_cast<const char*>(chunk.content.data()),
                                    static_cast<int>(chunk.content.size()));
        last_said_ = now;
        moved = true;
    }
    return moved;
}

chunk_receiver::chunk chunk_receiver::receive(const boost::mpi::communicator& line) {
    // Boost.MPI receives into something whose size it knows, or that it allocates each time.
    int is_there = 0;
    MPI_Message message{};
    MPI_Status status{};
    BOOST_MPI_CHECK_RESULT(MPI_Improbe, (MPI_ANY_SOURCE, chunk_tag, line, &is_there, &message, &status));
    if (is_there == 0) {
        return {};
    }
    int size = 0;
    BOOST_MPI_CHECK_RESULT(MPI_Get_count, (&status, MPI_BYTE, &size));
    room_.resize(std::max(room_.size(), static_cast<std::size_t>(size)));
    BOOST_MPI_CHECK_RESULT(MPI_Mrecv, (room_.data(), size, MPI_BYTE, &message, &status));
    return {status.MPI_SOURCE, std::span(room_).first(static_cast<std::size_t>(size))};
}

} // namespace multiprocessing::detail
