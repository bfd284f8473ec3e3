// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <cstddef>
#include <string>
#include <vector>

/// How agents are started on hosts, where the program does that itself.
namespace multiprocessing::detail {

/// A host that an agent is to run on.
struct agent_host {
    std::string name;
    bool is_this_one = false; ///< nothing remote is needed there
    long daemon = 0;          ///< the process that has started the agent there, Open MPI's; 0: not known yet
    std::size_t failures = 0; ///< agents in a row that did not last
};
/// Those in the file. Throws `start_failed`.
[[nodiscard]] std::vector<agent_host> read_hosts(const std::string& path);
/// Why no program can be started on one of these hosts, or which of their daemons is gone; empty if all is
/// well. Takes seconds at most.
[[nodiscard]] std::string why_unreachable(const std::vector<agent_host>& hosts);
/// Starts an agent there, which is rank 0 of the result. Before the first, which is to be on the first of
/// `all`, Open MPI starts a daemon on each of these; later there are none. Throws `boost::mpi::exception`.
[[nodiscard]] boost::mpi::communicator spawn_agent(const agent_host& host,
                                                   const std::vector<agent_host>& all);

} // namespace multiprocessing::detail
