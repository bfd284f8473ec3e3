// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/zygote.hpp"

#include "child/bootstrap.hpp"
#include "os/copy.hpp"
#include "os/memory.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"
#include "start/launch.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <new>
#include <unistd.h>
#include <utility>

namespace multiprocessing::detail {
namespace {

fork_request read_request(int memory) {
    const os::mapping content(memory, os::size_of(memory));
    return decode<fork_request>({content.data(), content.size()});
}

/// Numbers of standard streams are not to be given to what comes with requests.
void have_all_standard_streams() {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        if (::fcntl(stream, F_GETFD) < 0) {
            (void)::open("/dev/null", O_RDWR); // the lowest number that is free
        }
    }
}

/// Exchanges the fork server's standard streams for those of the parent.
void take_streams(const std::vector<int>& open, std::span<os::descriptor> received) {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        ::close(stream);
    }
    for (std::size_t i = 0; i != open.size(); ++i) {
        (void)::dup2(received[i].get(), open[i]);
        received[i] = os::descriptor();
    }
}

/// In a child that has just been forked. The descriptors are its own; it ends before they would be closed.
[[noreturn]] void be_the_child(std::vector<os::descriptor>& received) noexcept {
    try {
        auto request = read_request(received.at(content).get());
        (void)received.at(first_stream + request.streams.size() + request.work.inherited.size() - 1);
        received[content] = os::descriptor();
        os::set_environment(request.environment);
        if (::fchdir(received[directory].get()) != 0) {
            os::throw_errno("cannot change to the parent's working directory");
        }
        received[directory] = os::descriptor();
        const auto others = std::span(received).subspan(first_stream);
        take_streams(request.streams, others.first(request.streams.size()));

        os::set_process_name(request.work.name); // it is not the server any more
        const int failure = request.setup.make();
        announce(received[birth_line].get(), {.pid = ::getpid(), .failure = failure});
        received[birth_line] = os::descriptor();
        if (failure != 0) {
            ::_exit(EXIT_FAILURE);
        }
        request.work.parent = received[parent].get();
        request.work.detached = received[detached].get();
        std::vector<int> numbers;
        for (const auto& each : others.subspan(request.streams.size())) {
            numbers.push_back(each.get());
        }
        become_child(
            request.work, [&] { run_encoded(request.work.call, request.work.inherited); }, numbers);
    } catch (const std::exception& e) {
        if (received[birth_line]) { // nobody knows of it yet
            const auto* refused = dynamic_cast<const resource_error*>(&e);
            announce(received[birth_line].get(),
                     {.pid = ::getpid(), .failure = refused != nullptr ? refused->code().value() : ENOMEM});
        }
        cannot_begin(e);
    }
}

/// Prepares the server, and ends it at once when its parent ends meanwhile: the thread that has started it
/// waits until it is prepared.
void preload(const zygote_handle& handle) {
    os::set_end_with_starter(true);
    if (os::wait_readable(handle.parent, steady_time::min())) {
        ::_exit(EXIT_FAILURE);
    }
    if (!handle.preload.empty()) {
        run_encoded(handle.preload, {});
    }
    os::set_end_with_starter(false);
}

/// For as long as this process lives, and its children.
const os::mapping& mapping_of(int memory) {
    const os::descriptor owned(memory);
    static const os::mapping mapped(memory, sizeof(pid_t));
    return mapped;
}

} // namespace

void serve_forks(const zygote_handle& handle) {
    have_all_standard_streams();
    std::signal(SIGINT, SIG_IGN); // it is the parent that somebody interrupts, and that may go on
    preload(handle);
    os::descriptor requests(handle.requests);
    os::descriptor parent_here(handle.parent);
    auto& noted = *std::launder(reinterpret_cast<pid_t*>(mapping_of(handle.noted).data()));
    announce(requests.get(), {.pid = ::getpid()});
    for (;;) {
        os::poll_set either;
        either.add(requests.get());
        const auto parents_end = either.add(parent_here.get());
        (void)either.wait(steady_time::max());
        if (either.is_readable(parents_end)) {
            ::_exit(EXIT_SUCCESS);
        }
        auto received = os::receive_descriptors(requests.get());
        if (!received) { // the parent executes another program, or has closed everything
            ::_exit(EXIT_SUCCESS);
        }
        if (received->size() <= birth_line) {
            continue; // it had no numbers left for them: nobody answers, which the parent notices
        }
        os::flush_standard_streams(); // of what was preloaded
        const auto child = os::fork_sibling(noted);
        if (child == 0) {
            requests = os::descriptor();
            parent_here = os::descriptor();
            be_the_child(*received);
        }
        if (child < 0) {
            announce((*received)[birth_line].get(), {.failure = errno});
        }
    }
}

} // namespace multiprocessing::detail
