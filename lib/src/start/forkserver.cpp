// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Has a fork server fork: it is started at the first use, and replaced when it has ended.
#include "child/zygote.hpp"
#include "os/copy.hpp"
#include "os/memory.hpp"
#include "os/socket.hpp"
#include "start/launch.hpp"
#include "start/log.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/forkserver.hpp>

#include <atomic>
#include <fcntl.h>
#include <mutex>
#include <new>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace multiprocessing {
namespace detail {
namespace {

/// A server that is killed is replaced, but one that is killed again and again is not replaced for ever.
constexpr int most_attempts = 10;

/// Forking takes a millisecond. A server that has not answered after so long, on a machine however loaded, is
/// stopped, and will be replaced.
constexpr std::chrono::seconds longest_answer{10};

/// From the death of the server to that of its doubtful child, or to its birth.
constexpr std::chrono::seconds longest_doubt{5};

[[noreturn]] void throw_ended(const std::string& how) {
    throw resource_error(std::make_error_code(std::errc::connection_reset), "the fork server " + how);
}

/// What is sent to the server.
struct sealed_request {
    os::descriptor content;
    os::descriptor directory;
    std::vector<int> descriptors; // all in order, but for the birth line
};

sealed_request seal(const launch_request& request, const lifeline& line) {
    fork_request asked{.work = handover_for(request, line), .setup = setup_for(request)};
    asked.work.call = request.function.encoded;
    for (const char* assignment : environment_with(request.environment)) {
        if (assignment != nullptr) {
            asked.environment.emplace_back(assignment);
        }
    }
    std::vector<int> further;
    const auto redirected = std::exchange(asked.setup.streams, {-1, -1, -1});
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        const int becomes = redirected[static_cast<std::size_t>(stream)];
        const int here = becomes >= 0 ? becomes : stream;
        if (::fcntl(here, F_GETFD) >= 0) {
            asked.streams.push_back(stream);
            further.push_back(here);
        }
    }
    further.insert(further.end(), request.inherited.begin(), request.inherited.end());

    sealed_request result{.content = os::make_sealed_memory("multiprocessing-handover", encode(asked)),
                          .directory = os::new_descriptor(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)),
                          .descriptors = {}};
    if (!result.directory) {
        os::throw_errno("cannot open the working directory");
    }
    result.descriptors = {result.content.get(), -1, result.directory.get(), line.parent.get(),
                          line.detached.get()};
    result.descriptors.insert(result.descriptors.end(), further.begin(), further.end());
    return result;
}

/// The fork server of this process. Thread-safe: who has something started waits until it is.
class fork_server {
public:
    void set_preload(call function) {
        const std::lock_guard lock(mutex_);
        if (is_running()) {
            throw std::logic_error("multiprocessing::set_forkserver_preload: the fork server runs; end it "
                                   "first (stop_forkserver)");
        }
        preload_ = std::move(function);
    }

    void stop() {
        const std::lock_guard lock(mutex_);
        end();
    }

    /// Has a child forked. Throws `resource_error`, `std::system_error`.
    unwatched_child fork(sealed_request request, const child_setup& setup) {
        const std::lock_guard lock(mutex_);
        for (int attempt = 0; attempt != most_attempts; ++attempt) {
            if (!is_running() && !start()) {
                continue;
            }
            if (const auto born = ask(request)) {
                if (born->pid == 0) {
                    os::throw_refused(born->failure, "the fork server cannot fork");
                }
                unwatched_child child(static_cast<pid_t>(born->pid));
                setup.check(born->failure, "cannot set up the child");
                return child;
            }
        }
        throw_ended("was killed, time after time, before it had forked the child");
    }

private:
    [[nodiscard]] bool is_running() const { return process_ != nullptr && !process_->exit_code(); }

    void end() {
        if (process_ != nullptr) {
            process_->kill();
        }
        process_.reset();
        requests_ = os::descriptor();
    }

    /// False when somebody has killed it before it was prepared.
    bool start() {
        end();
        auto [ours, servers] = os::make_socket_pair();
        const lifeline line;
        const auto memory = os::make_memory("multiprocessing-forkserver");
        os::resize(memory.get(), sizeof(pid_t));
        noted_ = os::mapping(memory.get(), sizeof(pid_t));
        zygote_handle handle{.requests = servers.get(), .parent = line.parent.get(), .noted = memory.get()};
        if (preload_) {
            handle.preload = preload_->encoded;
        }
        const auto serve = make_call(&serve_forks, handle);
        process_ = spawn({.name = "mp-forkserver",
                          .function = serve,
                          .inherited = {handle.requests, handle.parent, handle.noted},
                          .is_fork_server = true});
        servers = os::descriptor();
        requests_ = std::move(ours);
        if (wait_for_birth(requests_.get(), process_->handle(), steady_time::max())) {
            note(log_level::info,
                 [&] { return "started the fork server (" + std::to_string(process_->pid()) + ")"; });
            return true;
        }
        process_->kill();
        if (process_->exit_code().value_or(0) >= 0) {
            throw_ended("ended while it was prepared (has what it is to preload failed?)");
        }
        return false;
    }

    /// Empty when there is no child, and none will come. Then the server is not trusted any more.
    std::optional<birth> ask(sealed_request& request) {
        auto [ours, childs] = os::make_socket_pair();
        request.descriptors[birth_line] = childs.get();
        noted().store(0);
        if (os::send_descriptors(requests_.get(), request.descriptors) != os::delivery::done) {
            end();
            return std::nullopt;
        }
        childs = os::descriptor();
        const auto deadline = std::chrono::steady_clock::now() + longest_answer;
        if (const auto born = wait_for_birth(ours.get(), process_->handle(), deadline)) {
            return born;
        }
        end(); // now a child announces itself, or nobody is left who has the socket
        if (!os::wait_readable(ours.get(), std::chrono::steady_clock::now() + longest_doubt)) {
            throw_ended("has ended, and whether it had forked is not to be found out");
        }
        const auto born = wait_for_birth(ours.get(), ours.get(), steady_time::min());
        if (!born) {
            const unwatched_child killed_at_birth(noted().load()); // if there was one
        }
        return born;
    }

    [[nodiscard]] std::atomic_ref<pid_t> noted() const {
        return std::atomic_ref(*std::launder(reinterpret_cast<pid_t*>(noted_.data())));
    }

    std::mutex mutex_; // guards what follows
    std::optional<call> preload_;
    std::unique_ptr<child_process> process_;
    os::descriptor requests_;
    os::mapping noted_; // the process id of the last child, written by the kernel
};

fork_server& server_of_this_process() {
    return os::one_per_process<fork_server>();
}

} // namespace

std::unique_ptr<child_process> forkserver(const launch_request& request) {
    lifeline line;
    auto child = server_of_this_process().fork(seal(request, line), setup_for(request));
    return child.watch(request, std::move(line));
}

void preload_in_forkserver(call function) {
    server_of_this_process().set_preload(std::move(function));
}

} // namespace detail

void stop_forkserver() {
    detail::server_of_this_process().stop();
}

} // namespace multiprocessing
