// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/peer.hpp"

#include "mpi/mpi_watch.hpp"
#include "os/copy.hpp"

#include <algorithm>
#include <boost/mpi/exception.hpp>
#include <memory>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// The tag of all that is sent.
constexpr int chunk_tag = 1;

template <class Chunks>
void abandon_if_any(Chunks& chunks) {
    if (!chunks.empty()) {
        os::abandon(std::make_unique<Chunks>(std::move(chunks)));
    }
}

} // namespace

peer::peer(boost::mpi::communicator line, int rank)
    : line_(std::move(line)),
      rank_(rank),
      last_heard_(std::chrono::steady_clock::now()),
      last_said_(last_heard_) {}

peer::~peer() {
    abandon_if_any(under_way_);
    abandon_if_any(arriving_);
}

bool peer::advance(steady_time now) {
    const mpi_watch::call to_mpi;
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

/// Whether all of the chunk that is the next in order is there.
bool peer::next_has_come() {
    const mpi_watch::call to_mpi;
    while (arriving_.size() != most_under_way && expect_next()) {
    }
    int has_come = 0;
    if (!arriving_.empty()) {
        BOOST_MPI_CHECK_RESULT(MPI_Test, (&arriving_.front().request, &has_come, MPI_STATUS_IGNORE));
    }
    return has_come != 0;
}

/// Has MPI receive one more chunk, the first part of which is there. Whether there is one. The rest of a
/// large one comes when its sender has learned that it is expected.
bool peer::expect_next() {
    int is_there = 0;
    MPI_Message message{};
    MPI_Status status{};
    BOOST_MPI_CHECK_RESULT(MPI_Improbe, (rank_, chunk_tag, line_, &is_there, &message, &status));
    if (is_there == 0) {
        return false;
    }
    int size = 0;
    BOOST_MPI_CHECK_RESULT(MPI_Get_count, (&status, MPI_BYTE, &size));
    arriving_.push_back({std::exchange(spare_, {}), static_cast<std::size_t>(size), MPI_REQUEST_NULL});
    auto& chunk = arriving_.back();
    chunk.content.resize(std::max(chunk.content.size(), chunk.size));
    BOOST_MPI_CHECK_RESULT(MPI_Imrecv, (chunk.content.data(), size, MPI_BYTE, &message, &chunk.request));
    return true;
}

} // namespace multiprocessing::detail
