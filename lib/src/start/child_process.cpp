// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "start/child_process.hpp"

#include "os/process.hpp"

#include <multiprocessing/context.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace multiprocessing {
namespace detail {
namespace {

/// The children that have not been seen to end.
struct children {
    std::mutex mutex; // guards what follows
    std::vector<child_process*> alive;
    std::vector<pid_t> detached; // not yet reaped
};
children& all_children() {
    return os::one_per_process<children>();
}

} // namespace

child_process::child_process(long pid, std::string name, os::descriptor process, os::descriptor detached,
                             bool leads_group, bool is_users)
    : pid_(pid),
      name_(std::move(name)),
      process_(std::move(process)),
      detached_(std::move(detached)),
      leads_group_(leads_group),
      parents_memory_(os::peak_memory()) {
    if (is_users) {
        const std::lock_guard lock(all_children().mutex);
        all_children().alive.push_back(this);
    }
}

child_process::~child_process() {
    const std::lock_guard lock(all_children().mutex);
    std::erase(all_children().alive, this);
}

bool child_process::wait_until(const wait_limit& limit) {
    // A waiter holds no lock, so that others can look, signal and wait at the same time.
    while (!exit_code()) {
        if (!os::wait_readable(handle(), limit)) {
            return false;
        }
        if (exit_code()) {
            break;
        }
        // It has ended, and who traces it has not let go of it yet. Nothing tells when that happens.
        if (limit.is_over()) {
            return false;
        }
        std::this_thread::sleep_until(
            std::min(limit.deadline, std::chrono::steady_clock::now() + look_again_after));
    }
    return true;
}

std::optional<int> child_process::exit_code() {
    const auto how = ended();
    return how ? std::optional(how->exit_code) : std::nullopt;
}

std::optional<ending> child_process::ended() {
    const std::lock_guard lock(mutex_);
    if (!ending_) {
        siginfo_t info{};
        rusage usage{};
        if (leads_group_ && is_started_here()) {
            const auto id = static_cast<id_t>(process_.get());
            if (::waitid(P_PIDFD, id, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == 0) {
                return ending_; // it runs
            }
            // Before it is reaped: afterwards another group can have the number.
            os::signal_group(process_.get(), pid_, SIGKILL);
        }
        // The C library's waitid has no use for the fifth argument.
        if (::syscall(SYS_waitid, P_PIDFD, process_.get(), &info, WEXITED | WNOHANG, &usage) != 0) {
            if (errno == ECHILD) {
                ending_ = {.exit_code = status_taken};
            }
        } else if (info.si_pid != 0) {
            ending_ = {.exit_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status,
                       .core_dumped = info.si_code == CLD_DUMPED};
            const auto peak = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
            if (peak > parents_memory_) {
                ending_->peak_memory = peak;
            }
        }
    }
    return ending_;
}

void child_process::signal(int number) noexcept {
    const std::lock_guard lock(mutex_);
    if (leads_group_) {
        os::signal_group(process_.get(), pid_, number);
    }
    if (!leads_group_ || number == SIGKILL) { // it may have gone over to another group
        ::syscall(SYS_pidfd_send_signal, process_.get(), number, nullptr, 0);
    }
}

void child_process::end() {
    signal(SIGTERM);
    if (!wait_until(std::chrono::steady_clock::now() + termination_grace)) {
        kill();
    }
}

void child_process::kill() {
    signal(SIGKILL);
    if (!wait_until(std::chrono::steady_clock::now() + longest_dying)) {
        abandon();
    }
}

void child_process::abandon() {
    const std::lock_guard lock(all_children().mutex);
    if (!exit_code()) {
        all_children().detached.push_back(static_cast<pid_t>(pid_));
        const std::lock_guard own_lock(mutex_);
        ending_ = {.exit_code = status_taken};
    }
}

void child_process::detach() {
    const std::lock_guard lock(all_children().mutex);
    if (!exit_code()) {
        all_children().detached.push_back(static_cast<pid_t>(pid_));
        os::set_flag(detached_.get());
    }
}

void reap_detached_children() {
    const std::lock_guard lock(all_children().mutex);
    std::erase_if(all_children().detached, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
}

} // namespace detail

std::vector<process_info> active_children() {
    auto& children = detail::all_children();
    const std::lock_guard lock(children.mutex);
    std::vector<process_info> result;
    for (auto* child : children.alive) {
        if (!child->exit_code()) {
            result.emplace_back(child->pid(), child->name());
        }
    }
    return result;
}

} // namespace multiprocessing
