// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Forks a copy of this process, which goes its own way from there and never comes back.
#include "child/bootstrap.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"
#include "os/unshared.hpp"
#include "start/launch.hpp"

#include <algorithm>
#include <cstdlib>
#include <unistd.h>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// Descriptors of this process that the child would otherwise keep open, to somebody's surprise. What it
/// calls in this memory may use any connection.
std::vector<int> not_for_the_child(const launch_request& request) {
    auto result = request.in_memory != nullptr ? std::vector<int>() : os::unshared_descriptors();
    std::erase_if(
        result, [&](int fd) { return std::ranges::find(request.inherited, fd) != request.inherited.end(); });
    result.insert(result.end(), request.kept_from_it.begin(), request.kept_from_it.end());
    return result;
}

[[noreturn]] void be_the_child(const launch_request& request, const handover& work, const child_setup& setup,
                               const std::vector<int>& not_for_it, os::descriptor line) noexcept {
    os::leave_exit_handlers_behind();
    for (const int fd : not_for_it) {
        ::close(fd);
    }
    if (request.streams[STDIN_FILENO] >= 0) {
        os::forget_standard_input();
    }
    const int failure = setup.make();
    for (const int fd : request.streams) {
        if (fd > STDERR_FILENO) { // it has another number now
            ::close(fd);
        }
    }
    announce(line.get(), {.pid = ::getpid(), .failure = failure});
    line = os::descriptor();
    if (failure != 0) {
        ::_exit(EXIT_FAILURE);
    }
    os::add_to_environment(request.environment);
    become_child(work, [&] {
        if (request.in_memory != nullptr) {
            request.in_memory->run();
        } else {
            run_encoded(request.function.encoded, work.inherited);
        }
    });
}

} // namespace

std::unique_ptr<child_process> fork(const launch_request& request) {
    lifeline line;
    const auto work = handover_for(request, line);
    const auto setup = setup_for(request);
    const auto not_for_it = not_for_the_child(request);
    auto [our_end, childs_end] = os::make_socket_pair();
    os::flush_standard_streams(); // what is in them would be printed twice
    const os::signals_blocked no_handler_of_ours_runs_in_the_child;
    const auto pid = ::fork();
    if (pid == 0) {
        our_end = os::descriptor();
        be_the_child(request, work, setup, not_for_it, std::move(childs_end));
    }
    if (pid < 0) {
        os::throw_errno("cannot fork");
    }
    unwatched_child child(pid);
    childs_end = os::descriptor();
    const auto process = os::open_process(pid);
    if (const auto born = wait_for_birth(our_end.get(), process.get(), steady_time::max())) {
        setup.check(born->failure, "cannot set up the child");
    } // else it has been killed already, which its exit code tells
    return child.watch(request, std::move(line));
}

} // namespace multiprocessing::detail
