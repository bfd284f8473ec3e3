// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

/// How processes become root and agents, and where MPI begins and ends.
namespace multiprocessing::detail {

/// From the start of an agent to its hello: a program that loads slowly, on a machine that is busy.
inline constexpr std::chrono::seconds longest_start{20};

/// What `MULTIPROCESSING_HOSTS` names a file of.
inline constexpr const char* hosts_variable = "MULTIPROCESSING_HOSTS";

enum class role {
    only_node,     ///< nobody has started this process for MPI
    root_of_ranks, ///< rank 0 of several
    root_of_hosts, ///< starts its agents itself
    agent,
};
/// Whether `mpirun` has started this process although it is to start agents itself.
[[nodiscard]] bool is_started_in_two_ways() noexcept;
/// That of this process, as its environment says. Written by `init`, before there are threads.
[[nodiscard]] role this_role() noexcept;

/// What an agent does.
[[noreturn]] void run_agent();

/// MPI in this process, from its start to its end. For one thread.
class mpi_session {
public:
    /// Starts MPI, unless the program has. Throws `start_failed` when that has not been done for more than
    /// one thread.
    mpi_session();
    /// Leaves MPI as it is: ending it would wait for processes that may be dead.
    ~mpi_session();
    mpi_session(const mpi_session&) = delete;
    mpi_session& operator=(const mpi_session&) = delete;

    /// A communicator of our own with all ranks. Waits for them, and does not burn a core. Throws
    /// `start_failed` when some are not there within `longest_start`.
    [[nodiscard]] boost::mpi::communicator all_ranks() const;
    /// With the process that has spawned this one, which is rank 0; of no size when it was not spawned.
    [[nodiscard]] static boost::mpi::communicator parent();
    /// Whether the program has started MPI, and so ends it.
    [[nodiscard]] bool is_the_programs() const noexcept { return environment_ == nullptr; }
    /// Has `action(subject)` called, on the program's thread, when the program is about to end MPI, which is
    /// its own.
    static void before_end(void (*action)(void*), void* subject);
    /// Ends MPI, together with all ranks.
    void finalize();
    /// Ends MPI and this process with that exit code, whoever is dead. What streams of the C library hold is
    /// written before; nothing else of the program's end happens any more.
    [[noreturn]] void abort(int exit_code) const;

private:
    std::unique_ptr<boost::mpi::environment> environment_; // null: the program's
};

/// A host that an agent is to run on.
struct agent_host {
    std::string name;
    long daemon = 0;          ///< the process that has started the agent there, Open MPI's; 0: not known yet
    std::size_t failures = 0; ///< agents in a row that did not last
};
/// Those in the file. Throws `start_failed`.
[[nodiscard]] std::vector<agent_host> read_hosts(const std::string& path);
/// Why no program can be started on one of these hosts, or which of their daemons is gone; empty if all is
/// well. Takes seconds at most.
[[nodiscard]] std::string why_unreachable(const std::vector<agent_host>& hosts);
/// Starts an agent there, which is rank 0 of the result. Before the first, Open MPI starts a daemon on each
/// of `all`. Throws `boost::mpi::exception`.
[[nodiscard]] boost::mpi::communicator spawn_agent(const agent_host& host,
                                                   const std::vector<agent_host>& all);

} // namespace multiprocessing::detail
