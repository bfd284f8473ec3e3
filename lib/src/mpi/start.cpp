// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/start.hpp"

#include "mpi/cluster.hpp"
#include "mpi/mpi_watch.hpp"
#include "os/copy.hpp"
#include "start/launch.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/mpi.hpp>

#include <algorithm>
#include <boost/mpi/exception.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mpi.h>
#include <string>
#include <thread>
#include <vector>

namespace multiprocessing::detail {

namespace {

/// By which MPI finds its ranks: no worker is one.
const std::vector<std::string>& variables_of_mpi() {
    static const auto& beginnings = *new std::vector<std::string>{"OMPI_", "PMIX_", "PMI_", "ORTE_"};
    return beginnings;
}

role role_now = role::only_node;

long number_in(const char* variable) {
    const char* text = std::getenv(variable);
    return text == nullptr ? -1 : std::strtol(text, nullptr, 10);
}

role role_in_environment() {
    if (std::getenv(agent_variable) != nullptr) {
        return role::agent;
    }
    const auto rank = std::max(number_in("OMPI_COMM_WORLD_RANK"), number_in("PMIX_RANK"));
    if (rank > 0) {
        return role::agent;
    }
    const auto ranks = std::max(number_in("OMPI_COMM_WORLD_SIZE"), number_in("SLURM_NTASKS"));
    if (rank == 0 && ranks > 1) {
        return role::root_of_ranks;
    }
    return std::getenv(hosts_variable) != nullptr ? role::root_of_hosts : role::only_node;
}

} // namespace

start_failed cannot_start(std::errc reason, const std::string& what) {
    return {std::make_error_code(reason), "cannot start an mpi_pool: " + what};
}

role this_role() noexcept {
    return role_now;
}

bool is_started_in_two_ways() noexcept {
    return role_now == role::root_of_ranks && std::getenv(hosts_variable) != nullptr;
}

void become_agent_if_told() {
    keep_from_children(variables_of_mpi());
    role_now = role_in_environment();
    if (role_now == role::root_of_ranks) { // whose agents wait for it, and burn a core meanwhile
        cluster::begin();
    }
    if (role_now == role::root_of_hosts) { // heard when MPI starts, and there may be threads by then
        ::setenv("OMPI_MCA_orte_enable_recovery", "1", 1);
        ::setenv("OMPI_MCA_plm_rsh_no_tree_spawn", "1",
                 1); // daemons that outlive the shell they are started by
        ::setenv("OMPI_MCA_rmaps_base_oversubscribe", "1", 1); // a place for one process on each host will do
        ::setenv("OMPI_MCA_hwloc_base_binding_policy", "none", 1);
        // `MPI_Comm_spawn` fails when a new agent does not answer, before it is given up: then there is
        // another.
        const auto longest_answer = mpi_watch::of_this_process().longest_call() * 4 / 5;
        ::setenv("OMPI_MCA_pmix_base_exchange_timeout",
                 std::to_string(std::max<std::int64_t>(longest_answer.count(), 1)).c_str(), 0);
        ::setenv("OMPI_MCA_plm", "rsh", 0); // in a job of Slurm as well, where a program without ranks cannot
        ::setenv("OMPI_MCA_ras", "^slurm", 0); // start any by srun
    }
    if (role_now == role::agent) {
        ::unsetenv(agent_variable);
        ::unsetenv(hosts_variable);
        run_agent();
    }
}

mpi_session::mpi_session() {
    if (!boost::mpi::environment::initialized()) {
        const mpi_watch::call to_mpi(mpi_watch::for_start);
        environment_ = std::make_unique<boost::mpi::environment>(boost::mpi::threading::funneled, false);
    } else if (boost::mpi::environment::thread_level() < boost::mpi::threading::serialized) {
        throw start_failed(
            std::make_error_code(std::errc::operation_not_permitted),
            "multiprocessing::mpi_pool: the program has initialised MPI for one thread only; "
            "call MPI_Init_thread with MPI_THREAD_SERIALIZED at least, or leave it to the pool");
    }
    have_errors_thrown(MPI_COMM_WORLD);
    have_errors_thrown(MPI_COMM_SELF);
}

mpi_session::~mpi_session() {
    (void)environment_.release();
}

void have_errors_thrown(MPI_Comm communicator) {
    BOOST_MPI_CHECK_RESULT(MPI_Comm_set_errhandler, (communicator, MPI_ERRORS_RETURN));
}

boost::mpi::communicator mpi_session::all_ranks() const {
    auto duplicate = std::make_unique<MPI_Comm>(MPI_COMM_NULL);
    MPI_Request request = MPI_REQUEST_NULL;
    {
        const mpi_watch::call to_mpi;
        BOOST_MPI_CHECK_RESULT(MPI_Comm_idup, (MPI_COMM_WORLD, duplicate.get(), &request));
    }
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    int is_there = 0;
    while (is_there == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            os::abandon(std::move(duplicate)); // MPI may still write there
            throw cannot_start(std::errc::timed_out, "not all ranks were there within 20 s");
        }
        {
            const mpi_watch::call to_mpi;
            BOOST_MPI_CHECK_RESULT(MPI_Test, (&request, &is_there, MPI_STATUS_IGNORE));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    have_errors_thrown(*duplicate);
    return {*duplicate, boost::mpi::comm_attach};
}

boost::mpi::communicator mpi_session::parent() {
    MPI_Comm parent = MPI_COMM_NULL;
    BOOST_MPI_CHECK_RESULT(MPI_Comm_get_parent, (&parent));
    if (parent != MPI_COMM_NULL) {
        have_errors_thrown(parent);
    }
    return {parent, boost::mpi::comm_attach};
}

void mpi_session::before_end(void (*action)(void*), void* subject) {
    struct what {
        void (*action)(void*);
        void* subject;
    };
    // The first thing that is done then is to delete what this communicator has attached.
    const auto called = [](MPI_Comm, int, void* attached, void*) {
        const std::unique_ptr<what> told(static_cast<what*>(attached));
        told->action(told->subject);
        return MPI_SUCCESS;
    };
    int key = MPI_KEYVAL_INVALID;
    BOOST_MPI_CHECK_RESULT(MPI_Comm_create_keyval, (MPI_COMM_NULL_COPY_FN, called, &key, nullptr));
    BOOST_MPI_CHECK_RESULT(MPI_Comm_set_attr, (MPI_COMM_SELF, key, new what{action, subject}));
}

void mpi_session::finalize() {
    const mpi_watch::call to_mpi;
    if (environment_) {
        environment_.reset();
    } else {
        MPI_Finalize();
    }
}

void mpi_session::abort(int exit_code) const {
    std::fflush(nullptr);
    const mpi_watch::call to_mpi;
    boost::mpi::environment::abort(exit_code);
    std::_Exit(exit_code);
}

} // namespace multiprocessing::detail
