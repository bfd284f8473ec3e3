// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/stop_line.hpp"

#include "os/copy.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"

#include <multiprocessing/function.hpp>

#include <thread>

namespace multiprocessing::detail {

stop_line& stop_line::of_this_process() {
    return os::one_per_process<stop_line>(); // never destroyed: its thread runs until the process ends
}

void stop_line::open(int socket) {
    const std::lock_guard lock(mutex_);
    socket_ = os::descriptor(socket);
}

void stop_line::begin(std::uint64_t task) {
    running_ = task;
}

void stop_line::end() {
    running_ = 0;
    if (listening_) { // else there is nothing to forget
        const std::lock_guard lock(mutex_);
        asked_to_stop_.reset();
        source_.reset();
    }
}

std::stop_token stop_line::token() {
    const std::lock_guard lock(mutex_);
    if (!socket_) {
        return {};
    }
    if (!listening_) { // first: a source is only forgotten by who listens
        const os::signals_blocked signals_are_for_the_task;
        std::thread([this] { listen(); }).detach();
        listening_ = true;
    }
    if (!source_) {
        source_.emplace();
        if (asked_to_stop_ == running_) {
            source_->request_stop();
        }
    }
    return source_->get_token();
}

void stop_line::listen() {
    os::set_process_name("mp-stop");
    for (;;) {
        std::uint64_t task = 0;
        os::wait_readable(socket_.get(), steady_time::max());
        const auto received = os::receive_packet(socket_.get(), std::as_writable_bytes(std::span(&task, 1)));
        if (received.what == os::received_packet::type::end) {
            return;
        }
        if (received.what == os::received_packet::type::nothing) {
            continue;
        }
        std::optional<std::stop_source> asked;
        {
            const std::lock_guard lock(mutex_);
            if (task == running_) {
                asked_to_stop_ = task;
                asked = source_;
            }
        }
        if (asked) { // without the lock: it runs the task's stop callbacks
            asked->request_stop();
        }
    }
}

std::stop_token current_stop_token() {
    return stop_line::of_this_process().token();
}

} // namespace multiprocessing::detail
