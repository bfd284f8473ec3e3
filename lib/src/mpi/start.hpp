// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/error.hpp>

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <chrono>
#include <memory>
#include <mpi.h>
#include <string>
#include <system_error>

/// How processes become root and agents, and where MPI begins and ends.
namespace multiprocessing::detail {

/// From the start of an agent to its hello: a program that loads slowly, on a machine that is busy.
inline constexpr std::chrono::seconds longest_start{20};

/// What a pool throws that cannot be started.
[[nodiscard]] start_failed cannot_start(std::errc reason, const std::string& what);

/// What it names a file of.
inline constexpr const char* hosts_variable = "MULTIPROCESSING_HOSTS";
/// Is there in an agent that the root has started itself.
inline constexpr const char* agent_variable = "MULTIPROCESSING_AGENT";

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

/// What goes wrong there is thrown by Boost.MPI rather than the end of the program.
void have_errors_thrown(MPI_Comm communicator);

} // namespace multiprocessing::detail
