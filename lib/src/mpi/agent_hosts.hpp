// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/remote_start.hpp"

#include <multiprocessing/detail/wait_limit.hpp>

#include <boost/mpi/communicator.hpp>
#include <cstddef>
#include <future>
#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// The hosts that the program starts agents on itself; called by their places in the file. None where it does
/// not.
///
///     vacant ----> has an agent ----> lost ----> vacant, once its back-off is over
///                                         +----> given up
///
/// A host is given up whose agents do not last; all that are vacant, and will be, are when one has lost its
/// daemon. Open MPI tells all its daemons of a start, and ends the whole job if it cannot. Not thread-safe.
class agent_hosts {
public:
    /// Those in the file, all of which can be reached. Throws `start_failed`.
    void read(const std::string& path);
    [[nodiscard]] bool empty() const noexcept { return hosts_.empty(); }
    [[nodiscard]] std::size_t size() const noexcept { return hosts_.size(); }
    [[nodiscard]] const std::string& name(std::size_t place) const { return hosts_[place].name; }

    /// Starts one there. Throws `start_failed`. MPI takes its time for that.
    [[nodiscard]] boost::mpi::communicator start_agent(std::size_t place);
    /// It has said who started it.
    void agent_came(std::size_t place, long daemon) { hosts_[place].daemon = daemon; }
    /// It is gone, or has not come. One that has lasted was not lost because of how it was started.
    void agent_went(std::size_t place, bool has_lasted, steady_time now);
    /// The place that is to get another agent now, if any, which is not vacant any more. One at a time, and
    /// not before it is known that all daemons are there.
    [[nodiscard]] std::optional<std::size_t> next_due(steady_time now);
    /// Whether none is vacant.
    [[nodiscard]] bool are_settled() const noexcept { return vacancies_.empty(); }
    /// From now on nobody is replaced.
    void give_up();

private:
    struct vacancy {
        std::size_t place;
        steady_time due;
    };
    [[nodiscard]] bool have_their_daemons();

    std::vector<agent_host> hosts_;
    std::vector<vacancy> vacancies_;
    std::future<std::string> unreachable_; // whether one can be started, being found out
    bool has_started_any_ = false;
    bool are_replaced_ = true;
};

} // namespace multiprocessing::detail
