// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/start.hpp"

#include "child/bootstrap.hpp"
#include "mpi/cluster.hpp"
#include "os/copy.hpp"
#include "os/host.hpp"
#include "os/modules.hpp"
#include "os/process.hpp"
#include "start/launch.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/mpi.hpp>

#include <algorithm>
#include <array>
#include <boost/mpi/exception.hpp>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <future>
#include <mpi.h>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace multiprocessing::detail {

namespace {

constexpr const char* agent_variable = "MULTIPROCESSING_AGENT";

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

void have_errors_thrown(MPI_Comm communicator) {
    BOOST_MPI_CHECK_RESULT(MPI_Comm_set_errhandler, (communicator, MPI_ERRORS_RETURN));
}

/// Programs are started on other hosts by this, as Open MPI does it.
std::vector<std::string> remote_shell() {
    const char* configured = std::getenv("OMPI_MCA_plm_rsh_agent");
    std::istringstream words(configured != nullptr ? configured : "ssh");
    std::vector<std::string> command{std::istream_iterator<std::string>(words), {}};
    return command.empty() ? std::vector<std::string>{"ssh"} : command;
}

bool is_this_one(const agent_host& host) {
    return host.name == "localhost" || host.name == os::host_name();
}

/// A child that reads nothing of what is meant for this program, and takes signals as usual.
class harmless_child {
public:
    harmless_child() {
        ::posix_spawn_file_actions_init(&files_);
        ::posix_spawn_file_actions_addopen(&files_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        ::posix_spawnattr_init(&attributes_);
        sigset_t none;
        ::sigemptyset(&none);
        ::posix_spawnattr_setsigmask(&attributes_, &none);
        ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
    }
    ~harmless_child() {
        ::posix_spawn_file_actions_destroy(&files_);
        ::posix_spawnattr_destroy(&attributes_);
    }
    harmless_child(const harmless_child&) = delete;
    harmless_child& operator=(const harmless_child&) = delete;
    [[nodiscard]] const posix_spawn_file_actions_t* files() const noexcept { return &files_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const noexcept { return &attributes_; }

private:
    posix_spawn_file_actions_t files_{};
    posix_spawnattr_t attributes_{};
};

/// Why the program fails there; empty if it does not.
std::string why_unreachable(const agent_host& host) {
    if (is_this_one(host) && host.daemon == 0) {
        return {};
    }
    constexpr std::chrono::seconds longest{5};
    // A daemon that nobody has reaped yet is gone all the same.
    const auto command = host.daemon == 0 ? std::string("true")
                                          : "grep -q '^State:[[:space:]]*[A-WYa-z]' /proc/" +
                                                std::to_string(host.daemon) + "/status";
    auto words = is_this_one(host) ? std::vector<std::string>{"sh", "-c"} : remote_shell();
    const auto shell = words.front();
    if (!is_this_one(host)) {
        words.push_back(host.name);
    }
    words.push_back(command);
    std::vector<char*> arguments;
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const harmless_child child;
    if (const int error = ::posix_spawnp(&pid, shell.c_str(), child.files(), child.attributes(),
                                         arguments.data(), ::environ);
        error != 0) {
        return "cannot execute " + shell + ": " + std::strerror(error);
    }
    const auto process = os::open_process(pid);
    const bool is_over = os::wait_readable(process.get(), std::chrono::steady_clock::now() + longest);
    if (!is_over) {
        ::kill(pid, SIGKILL);
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (!is_over) {
        return shell + " has no answer from it within 5 s";
    }
    if (status != 0) {
        return host.daemon == 0 ? shell + " cannot start a program there" : "its daemon cannot be reached";
    }
    return {};
}

} // namespace

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
    }
    if (role_now == role::agent) {
        ::unsetenv(agent_variable);
        ::unsetenv(hosts_variable);
        run_agent();
    }
}

mpi_session::mpi_session() {
    if (!boost::mpi::environment::initialized()) {
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

boost::mpi::communicator mpi_session::all_ranks() const {
    auto duplicate = std::make_unique<MPI_Comm>(MPI_COMM_NULL);
    MPI_Request request = MPI_REQUEST_NULL;
    BOOST_MPI_CHECK_RESULT(MPI_Comm_idup, (MPI_COMM_WORLD, duplicate.get(), &request));
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    int is_there = 0;
    while (is_there == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            os::abandon(std::move(duplicate)); // MPI may still write there
            throw start_failed(std::make_error_code(std::errc::timed_out),
                               "cannot start an mpi_pool: not all ranks were there within 20 s");
        }
        BOOST_MPI_CHECK_RESULT(MPI_Test, (&request, &is_there, MPI_STATUS_IGNORE));
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
    if (environment_) {
        environment_.reset();
    } else {
        MPI_Finalize();
    }
}

void mpi_session::abort(int exit_code) const {
    std::fflush(nullptr);
    boost::mpi::environment::abort(exit_code);
    std::_Exit(exit_code);
}

std::vector<agent_host> read_hosts(const std::string& path) {
    std::ifstream file(path);
    std::vector<agent_host> hosts;
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        if (agent_host host; words >> host.name) {
            hosts.push_back(std::move(host));
        }
    }
    if (hosts.empty()) {
        throw start_failed(std::make_error_code(std::errc::no_such_file_or_directory),
                           std::string(hosts_variable) + " names a file without hosts, or none: " + path);
    }
    return hosts;
}

std::string why_unreachable(const std::vector<agent_host>& hosts) {
    std::vector<std::future<std::string>> answers; // of all at once: each may take seconds
    for (const auto& host : hosts) {
        answers.push_back(std::async(std::launch::async, [&host] { return why_unreachable(host); }));
    }
    std::string all;
    for (std::size_t i = 0; i != hosts.size(); ++i) {
        if (const auto why = answers[i].get(); !why.empty()) {
            all += (all.empty() ? "host " : "; host ") + hosts[i].name + ": " + why;
        }
    }
    return all;
}

boost::mpi::communicator spawn_agent(const agent_host& host, const std::vector<agent_host>& all) {
    MPI_Info info = MPI_INFO_NULL;
    BOOST_MPI_CHECK_RESULT(MPI_Info_create, (&info));
    const auto say = [&](const char* key, const std::string& value) {
        BOOST_MPI_CHECK_RESULT(MPI_Info_set, (info, key, value.c_str()));
    };
    say("host", host.name);
    std::string elsewhere;
    for (const auto& each : all) {
        if (each.daemon == 0 && !is_this_one(each) &&
            (elsewhere + ",").find("," + each.name + ",") == elsewhere.npos) {
            elsewhere += "," + each.name;
        }
    }
    if (!elsewhere.empty()) {
        say("add-host", elsewhere.substr(1));
    }
    say("env", std::string(agent_variable) + "=1");
    say("bind_to", "none");
    say("wdir", std::filesystem::current_path());
    std::vector<std::string> arguments(program_arguments()->begin() + 1, program_arguments()->end());
    std::vector<char*> pointers;
    for (auto& argument : arguments) {
        pointers.push_back(argument.data());
    }
    pointers.push_back(nullptr);
    MPI_Comm agent = MPI_COMM_NULL;
    int error = MPI_SUCCESS;
    const auto program = os::executable_path();
    const int result =
        MPI_Comm_spawn(program.c_str(), pointers.data(), 1, info, 0, MPI_COMM_SELF, &agent, &error);
    MPI_Info_free(&info);
    if (result != MPI_SUCCESS || error != MPI_SUCCESS) {
        boost::throw_exception(
            boost::mpi::exception("MPI_Comm_spawn", result != MPI_SUCCESS ? result : error));
    }
    have_errors_thrown(agent);
    return {agent, boost::mpi::comm_attach};
}

} // namespace multiprocessing::detail
