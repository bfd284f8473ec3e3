// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The place that chooses among the start methods, and what they have in common.
#include "start/launch.hpp"

#include "child/bootstrap.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"
#include "start/log.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <new>
#include <span>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace multiprocessing {
namespace {

std::atomic<start_method> default_method{start_method::spawn};
std::atomic<const std::vector<std::string>*> kept_from_children{nullptr};

} // namespace

void set_start_method(start_method method) {
    if (std::ranges::find(all_start_methods, method) == all_start_methods.end()) {
        throw std::invalid_argument("multiprocessing: no such start method");
    }
    default_method = method;
}

start_method get_start_method() noexcept {
    return default_method;
}

namespace detail {

namespace {

std::unique_ptr<child_process> start_by(start_method method, const launch_request& request) {
    switch (method) {
    case start_method::spawn:
        return spawn(request);
    case start_method::fork:
        return fork(request);
    case start_method::forkserver:
        return forkserver(request);
    }
    throw std::invalid_argument("multiprocessing: no such start method");
}

} // namespace

std::unique_ptr<child_process> launch(start_method method, const launch_request& request) {
    if (!program_arguments()) {
        throw not_initialized();
    }
    reap_detached_children();
    try {
        auto child = start_by(method, request);
        note(log_level::info,
             [&] { return "started process " + request.name + " (" + std::to_string(child->pid()) + ")"; });
        return child;
    } catch (const resource_error& e) { // what a start needs was not to be had
        throw start_failed(e.code(), "cannot start process " + request.name + ": " + e.what());
    } catch (const std::system_error& e) {
        throw start_failed(e.code(), "cannot start process " + request.name + ": " + e.what());
    } catch (const std::bad_alloc&) {
        throw start_failed(std::make_error_code(std::errc::not_enough_memory),
                           "cannot start process " + request.name + ": out of memory");
    }
}

lifeline::lifeline() : parent(os::open_process(::getpid())), detached(os::make_flag()) {}

handover handover_for(const launch_request& request, const lifeline& line) {
    return {.parent_pid = ::getpid(),
            .parent = line.parent.get(),
            .detached = line.detached.get(),
            .inherited = request.inherited,
            .name = request.name,
            .parent_name = current_process().name(),
            .default_method = static_cast<std::uint8_t>(get_start_method()),
            .log_level = static_cast<std::uint8_t>(get_log_level()),
            .is_fork_server = request.is_fork_server};
}

void keep_from_children(const std::vector<std::string>& beginnings) noexcept {
    kept_from_children = &beginnings;
}

std::vector<const char*> environment_with(const std::vector<std::string>& assignments) {
    std::vector<const char*> result;
    for (const auto& assignment : assignments) {
        result.push_back(assignment.c_str());
    }
    for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
        const bool replaced = std::ranges::any_of(assignments, [&](const auto& assignment) {
            return std::strncmp(*variable, assignment.c_str(), assignment.find('=') + 1) == 0;
        });
        const auto* kept = kept_from_children.load();
        const bool is_own = kept != nullptr && std::ranges::any_of(*kept, [&](const auto& beginning) {
                                return std::strncmp(*variable, beginning.c_str(), beginning.size()) == 0;
                            });
        if (!replaced && !is_own) {
            result.push_back(*variable);
        }
    }
    result.push_back(nullptr);
    return result;
}

void announce(int socket, const birth& born) noexcept {
    try {
        (void)os::send_packet(socket, std::as_bytes(std::span(&born, 1)));
    } catch (const resource_error&) { // then the parent learns of this process's end
    }
}

std::optional<birth> wait_for_birth(int socket, int process, steady_time deadline) {
    os::poll_set either;
    either.add(socket);
    either.add(process);
    (void)either.wait(deadline);
    birth born;
    const auto received = os::receive_packet(socket, std::as_writable_bytes(std::span(&born, 1)));
    const bool is_there = received.what == os::received_packet::type::packet && received.size == sizeof born;
    return is_there ? std::optional(born) : std::nullopt;
}

unwatched_child::~unwatched_child() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
}

std::unique_ptr<child_process> unwatched_child::watch(const launch_request& request, lifeline line) {
    auto watched =
        std::make_unique<child_process>(pid_, request.name, os::open_process(pid_), std::move(line.detached),
                                        request.leads_group, !request.is_fork_server);
    pid_ = -1;
    return watched;
}

} // namespace detail
} // namespace multiprocessing
