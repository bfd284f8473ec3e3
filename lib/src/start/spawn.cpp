// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Re-executes this program through Boost.Process. In 1.81 its own means for passing descriptors are broken,
// so an initialiser of ours does that; later releases accept the same one.
#include "child/bootstrap.hpp"
#include "os/memory.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "os/settings.hpp"
#include "start/handover.hpp"
#include "start/launch.hpp"
#include "start/vfork_launcher.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace multiprocessing::detail {
namespace {

/// What happens in the child before it executes the program, and to the launcher before.
struct prepare_child {
    const std::vector<int>& inherited;
    const std::vector<const char*>& environment;
    int error_output;
    const std::vector<os::setting>& settings;

    template <class Launcher>
    boost::system::error_code on_setup(Launcher& launcher, const auto&, const char* const*&) {
        launcher.env = environment.data();
        return {};
    }

    /// Async-signal-safe. Close-on-exec for all but the chosen, so that nothing of the parent's leaks;
    /// stderr; default signal dispositions and an empty mask, but for what keeps the terminal from ending the
    /// family.
    template <class Launcher>
    boost::system::error_code on_exec_setup(Launcher&, const auto&, const char* const*&) {
        if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) { // Linux before 5.11
            return error(errno);
        }
        for (const int fd : inherited) {
            if (::fcntl(fd, F_SETFD, 0) != 0) {
                return error(errno);
            }
        }
        if (error_output >= 0 && ::dup2(error_output, STDERR_FILENO) < 0) {
            return error(errno);
        }
        for (int number = 1; number <= SIGRTMAX; ++number) {
            // `nohup`, and a shell for what it runs in the background, mean the whole family.
            const bool is_of_the_terminal = number == SIGHUP || number == SIGINT || number == SIGQUIT;
            struct sigaction before {};
            if (!is_of_the_terminal || ::sigaction(number, nullptr, &before) != 0 ||
                before.sa_handler != SIG_IGN) {
                os::set_default_action(number);
            }
        }
        sigset_t none;
        ::sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        for (std::size_t i = 0; i != settings.size(); ++i) {
            if (!settings[i].make()) {
                return error(errno, i + 1);
            }
        }
        return {};
    }

    /// Throws what the launcher reports, if it reports anything.
    void check(const boost::system::error_code& reported) const {
        if (reported.value() >= first_setting) {
            const auto failed = static_cast<std::size_t>(reported.value() / first_setting);
            throw std::system_error(reported.value() % first_setting, std::system_category(),
                                    settings.at(failed - 1).failure);
        }
        if (reported) {
            throw std::system_error(reported, "cannot execute this program again (/proc/self/exe)");
        }
    }

private:
    /// The launcher passes on one number, the child's `errno`. Above the largest there is, it counts the
    /// settings from 1.
    static constexpr int first_setting = 4096;
    static boost::system::error_code error(int why, std::size_t failed = 0) {
        return {why + static_cast<int>(failed) * first_setting, boost::system::system_category()};
    }
};

std::vector<const char*> environment_with(const std::vector<std::string>& assignments) {
    std::vector<const char*> result;
    for (const auto& assignment : assignments) {
        result.push_back(assignment.c_str());
    }
    for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
        const bool replaced = std::ranges::any_of(assignments, [&](const auto& assignment) {
            return std::strncmp(*variable, assignment.c_str(), assignment.find('=') + 1) == 0;
        });
        if (!replaced) {
            result.push_back(*variable);
        }
    }
    result.push_back(nullptr);
    return result;
}

/// A child that was forked, until somebody watches it: if that comes to nothing, it is ended and reaped.
struct unwatched_child {
    vfork_launcher launcher{};
    ~unwatched_child() {
        if (launcher.pid > 0) {
            ::kill(launcher.pid, SIGKILL);
            ::waitpid(launcher.pid, nullptr, 0);
        }
    }
};

/// Throws `std::system_error`.
std::unique_ptr<child_process> execute_this_program(const std::string& name, prepare_child preparation,
                                                    os::descriptor detached, bool leads_group) {
    std::vector<const char*> arguments;
    for (const auto& argument : *program_arguments()) {
        arguments.push_back(argument.c_str());
    }
    arguments.push_back(nullptr);

    const os::signals_blocked no_handler_runs_in_the_child;
    unwatched_child child;
    boost::system::error_code failure;
    try {
        boost::asio::io_context context;
        // Makes the context open its descriptors now: if that failed when the child is there, Boost would
        // leak the child's.
        const boost::asio::posix::stream_descriptor opener(context);
        auto launched =
            child.launcher(context.get_executor(), failure, "/proc/self/exe", arguments.data(), preparation);
        (void)launched.detach(); // it is watched and reaped through a pidfd of our own
    } catch (const boost::system::system_error& e) {
        failure = e.code();
    }
    preparation.check(failure);
    const long pid = child.launcher.pid;
    auto watched =
        std::make_unique<child_process>(pid, name, os::open_process(pid), std::move(detached), leads_group);
    child.launcher.pid = -1;
    return watched;
}

} // namespace

std::unique_ptr<child_process> spawn(const launch_request& request) {
    const auto self = os::open_process(::getpid());
    auto detached = os::make_flag();
    handover content{.parent_pid = ::getpid(),
                     .parent = self.get(),
                     .detached = detached.get(),
                     .inherited = request.inherited,
                     .name = request.name,
                     .parent_name = current_process().name(),
                     .call = request.function.encoded};
    const auto memory = os::make_sealed_memory("multiprocessing-handover", encode(content));

    auto inherited = request.inherited;
    inherited.insert(inherited.end(), {self.get(), detached.get(), memory.get()});
    const auto assignment = std::string(handover::variable) + "=" + std::to_string(memory.get());
    auto assignments = request.environment;
    assignments.insert(assignments.begin(), assignment); // of equal names the first counts
    const auto environment = environment_with(assignments);
    auto settings = request.settings;
    if (request.leads_group) {
        settings.insert(settings.begin(), os::own_group());
    }
    return execute_this_program(request.name, {inherited, environment, request.error_output, settings},
                                std::move(detached), request.leads_group);
}

} // namespace multiprocessing::detail
