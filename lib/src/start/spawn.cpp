// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Re-executes this program through Boost.Process. In 1.81 its own means for passing descriptors are broken,
// so an initialiser of ours does that; later releases accept the same one.
#include "child/bootstrap.hpp"
#include "os/memory.hpp"
#include "os/poll.hpp"
#include "start/launch.hpp"
#include "start/vfork_launcher.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// What happens in the child before it executes the program, and to the launcher before.
struct prepare_child {
    const std::vector<int>& inherited;
    const std::vector<const char*>& environment;
    const child_setup& setup;

    template <class Launcher>
    boost::system::error_code on_setup(Launcher& launcher, const auto&, const char* const*&) const {
        launcher.env = environment.data();
        return {};
    }

    /// Async-signal-safe. Close-on-exec for all but the chosen, so that nothing of the parent's leaks.
    template <class Launcher>
    boost::system::error_code on_exec_setup(Launcher&, const auto&, const char* const*&) const {
        if (::syscall(SYS_close_range, 3U, ~0U, CLOSE_RANGE_CLOEXEC) != 0) { // Linux before 5.11
            return error(errno);
        }
        for (const int fd : inherited) {
            if (::fcntl(fd, F_SETFD, 0) != 0) {
                return error(errno);
            }
        }
        return error(setup.make());
    }

private:
    static boost::system::error_code error(int number) { return {number, boost::system::system_category()}; }
};

/// The launcher knows its child also when it throws.
struct launching {
    vfork_launcher launcher{};
    ~launching() { const unwatched_child ended(launcher.pid); }
};

/// Throws `std::system_error`.
std::unique_ptr<child_process> execute_this_program(const launch_request& request,
                                                    const prepare_child& preparation, lifeline line) {
    std::vector<const char*> arguments;
    for (const auto& argument : *program_arguments()) {
        arguments.push_back(argument.c_str());
    }
    arguments.push_back(nullptr);

    const os::signals_blocked no_handler_runs_in_the_child;
    launching child;
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
    preparation.setup.check(failure.value(), "cannot execute this program again (/proc/self/exe)");
    return unwatched_child(std::exchange(child.launcher.pid, -1)).watch(request, std::move(line));
}

} // namespace

std::unique_ptr<child_process> spawn(const launch_request& request) {
    lifeline line;
    auto content = handover_for(request, line);
    content.call = request.function.encoded;
    const auto memory = os::make_sealed_memory("multiprocessing-handover", encode(content));

    auto inherited = request.inherited;
    inherited.insert(inherited.end(), {line.parent.get(), line.detached.get(), memory.get()});
    auto assignments = request.environment;
    assignments.insert(assignments.begin(), // of equal names the first counts
                       std::string(handover::variable) + "=" + std::to_string(memory.get()));
    const auto environment = environment_with(assignments);
    const auto setup = setup_for(request);
    return execute_this_program(request, {inherited, environment, setup}, std::move(line));
}

} // namespace multiprocessing::detail
