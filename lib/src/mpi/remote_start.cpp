// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/remote_start.hpp"

#include "child/bootstrap.hpp"
#include "mpi/mpi_watch.hpp"
#include "mpi/start.hpp"
#include "os/host.hpp"
#include "os/memory.hpp"
#include "os/modules.hpp"
#include "os/process.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <boost/mpi/exception.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <iterator>
#include <mpi.h>
#include <set>
#include <span>
#include <spawn.h>
#include <sstream>
#include <sys/wait.h>
#include <type_traits>
#include <unistd.h>

namespace multiprocessing::detail {
namespace {

/// Programs are started on other hosts by this, as Open MPI does it.
std::vector<std::string> remote_shell() {
    const char* configured = std::getenv("OMPI_MCA_plm_rsh_agent");
    std::istringstream words(configured != nullptr ? configured : "ssh");
    std::vector<std::string> command{std::istream_iterator<std::string>(words), {}};
    return command.empty() ? std::vector<std::string>{"ssh"} : command;
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
    if (host.is_this_one && host.daemon == 0) {
        return {};
    }
    constexpr std::chrono::seconds longest{5};
    // A daemon that nobody has reaped yet is gone all the same.
    const auto command = host.daemon == 0 ? std::string("true")
                                          : "grep -q '^State:[[:space:]]*[A-WYa-z]' /proc/" +
                                                std::to_string(host.daemon) + "/status";
    auto words = host.is_this_one ? std::vector<std::string>{"sh", "-c"} : remote_shell();
    const auto shell = words.front();
    if (!host.is_this_one) {
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

/// What is found out about each of them, about all at once: each may take seconds.
template <class FindOut>
auto of_each(const std::vector<agent_host>& hosts, const FindOut& find_out) {
    using answer = std::invoke_result_t<const FindOut&, const agent_host&>;
    std::vector<std::future<answer>> pending;
    for (const auto& host : hosts) {
        pending.push_back(std::async(std::launch::async, std::cref(find_out), std::cref(host)));
    }
    std::vector<answer> answers;
    for (auto& each : pending) {
        answers.push_back(each.get());
    }
    return answers;
}

/// Open MPI does not know all names of this machine, and would start another daemon for one that it does not.
std::string name_for_mpi(const agent_host& host) {
    return host.is_this_one ? "localhost" : host.name;
}

/// A file with each of them once.
os::descriptor hosts_for_mpi(const std::vector<agent_host>& all) {
    std::set<std::string> written;
    std::string lines;
    for (const auto& each : all) {
        const auto name = name_for_mpi(each);
        lines += written.insert(name).second ? name + "\n" : "";
    }
    return os::make_sealed_memory("multiprocessing-hosts", std::as_bytes(std::span(lines)));
}

} // namespace

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
    const auto are_here = of_each(hosts, [](const agent_host& host) { return os::is_this_host(host.name); });
    for (std::size_t i = 0; i != hosts.size(); ++i) {
        hosts[i].is_this_one = are_here[i];
    }
    std::stable_partition(hosts.begin(), hosts.end(),
                          [](const auto& each) { return each.is_this_one; }); // see spawn_agent
    return hosts;
}

std::string why_unreachable(const std::vector<agent_host>& hosts) {
    const auto reasons = of_each(hosts, [](const agent_host& host) { return why_unreachable(host); });
    std::string all;
    for (std::size_t i = 0; i != hosts.size(); ++i) {
        if (const auto& why = reasons[i]; !why.empty()) {
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
    os::descriptor file;
    if (all.empty()) {
        say("host", name_for_mpi(host));
    } else {
        // Open MPI starts a daemon on each host that it is told of at first, and places the process on the
        // first of them, this machine before all others. By "add-host" it would start two on each, of which
        // one may clear away the files of the other: then the call does not return. A value takes 255
        // characters, so there is a file for them.
        file = hosts_for_mpi(all);
        say("hostfile", "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(file.get()));
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
    const bool has_others = !std::ranges::all_of(all, &agent_host::is_this_one);
    const mpi_watch::call to_mpi(has_others ? mpi_watch::for_start : 1);
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
