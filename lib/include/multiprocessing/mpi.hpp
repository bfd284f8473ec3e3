// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/init.hpp>
#include <multiprocessing/pool.hpp>

#include <concepts>
#include <cstddef>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

/// A pool whose workers are on many machines, on Open MPI. A library of its own, multiprocessing::mpi; not
/// part of `multiprocessing.hpp`.
///
/// Programs that include this are started in one of two ways. By `mpirun -N 1 --bind-to none
/// --enable-recovery ./app`: the process of rank 0 is the program, and `init` makes the others agents, which
/// do not come back from it. Or by `MULTIPROCESSING_HOSTS=hosts ./app`, with a file of hosts, a line each:
/// the program starts an agent on each of them itself. Without either there is one node, this machine.
namespace multiprocessing {

/// How a pool on many machines works.
struct mpi_options {
    std::size_t processes = 0; ///< how many workers on each node; 0: as many as its agent may use CPUs
    /// All else of each node's workers, as for a `pool`. What is said there of tasks holds for the pool as a
    /// whole. `processes` does not count, workers cannot be forked, and each node has a `trace` of its own,
    /// with its number behind the name.
    pool_options workers{};
    /// Whether tasks that do not say otherwise may run again after the loss of the node that they were sent
    /// to (`task_options::idempotent`).
    bool idempotent = false;
    /// Whether the program's own process is an agent as well, where others have been started by `mpirun`.
    bool root_works = true;
};

/// A node: an agent, and the machine that it is on.
struct mpi_node {
    std::string host{};        ///< as the machine calls itself
    long agent = 0;            ///< its process id there
    std::size_t processes = 0; ///< how many workers it has for the pool
    /// Whether it is the same agent.
    bool operator==(const mpi_node&) const = default;
};

/// A bounded number of processes on many machines that run functions.
///
/// Each node has an agent, which keeps a `pool` there: a task that kills its worker fails with `worker_died`,
/// whose what() names the host, and neither the agent nor MPI notices. The nodes must run the same build of
/// the program. Tasks are handed to nodes a few at a time, more where they are short.
///
/// A node that is not heard of for a second is lost, or for as many as MULTIPROCESSING_NODE_SILENCE says in
/// the environment: tasks that were sent to it fail with `node_lost`, or run elsewhere if they are
/// idempotent, three times at most. They may then have run twice. Where the program has started the agents
/// itself the host gets another one, if it can be reached, and unless those do not last. When no node is
/// left, tasks fail with `node_lost`.
///
/// A call to MPI that has not returned after 10 s never will, as Open MPI has it after some deaths: it is
/// given up, and all nodes but the program's own are lost for good. At the start that is an error, after a
/// minute. MULTIPROCESSING_MPI_PATIENCE in the environment says otherwise, in seconds for a call.
///
/// Arguments travel as bytes, so what they refer to in this machine does not exist elsewhere: queues,
/// mutexes, connections. Of a `shared_array` that this process has made each node gets one copy, as the
/// elements are when the first task that needs it is sent there; what tasks write to it stays on their node.
/// Where a node has no room for the copy, tasks that need it fail there for that reason.
///
/// MPI has a thread of its own, which starts it, in `init` or with the first pool, and ends it when the
/// program exits. A program that wants MPI for itself initialises it before `init`, and in ranks only, not in
/// the workers that it is executed for as well (those have no OMPI_COMM_WORLD_RANK); for
/// MPI_THREAD_SERIALIZED at least, and it makes no calls to MPI while there are pools. Its MPI_Finalize, on
/// all ranks together, ends the agents first; it waits for ever for a rank that is lost.
///
/// Where a rank is lost, or does not end within 10 s, the exit of the program is MPI_Abort with its exit
/// code; where MPI was given up, `_exit`: what stdio holds is written, and nothing that was to be done at the
/// exit after that is done. A pool that is there at the exit, as one of static lifetime may be, has no nodes
/// any more, and its tasks fail.
///
/// See `basic_pool` for what a pool can do, and its threads.
class mpi_pool : public basic_pool {
public:
    /// Starts the workers on all nodes, and MPI before that. Throws `std::invalid_argument` for options that
    /// make no sense, `not_initialized`, and `start_failed`, which names the host: it cannot be reached, runs
    /// another build of this program, or refuses what a worker is to have.
    explicit mpi_pool(const mpi_options& options = {});
    /// So many workers on each node.
    template <std::integral Number>
    explicit mpi_pool(Number processes) : mpi_pool(with_processes(processes)) {}

    /// Those that are there now.
    [[nodiscard]] std::vector<mpi_node> nodes() const;

private:
    template <std::integral Number>
    static mpi_options with_processes(Number processes) {
        return {.processes = processes > 0 ? static_cast<std::size_t>(processes) : 0};
    }
};

namespace detail {
/// In a process that is to be an agent: is one, and does not come back.
void become_agent_if_told();
/// So that `init` does.
inline const bool agents_can_be_told = (at_end_of_init(&become_agent_if_told), true);
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
