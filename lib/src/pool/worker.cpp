// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/worker.hpp"

#include "child/worker_loop.hpp"
#include "os/socket.hpp"
#include "start/launch.hpp"

#include <csignal>
#include <cstring>
#include <span>
#include <tuple>

namespace multiprocessing::detail {

worker::worker(worker_id id, const pool_options& options, const worker_settings& settings,
               std::optional<int> cpu)
    : id_(id), settings_(settings), cpu_(cpu), channel_(make_channel(options.isolation)) {
    std::tie(stop_line_, workers_stop_line_) = os::make_socket_pair();
    const worker_handle handle{.channel = channel_->handle(),
                               .stop_line = workers_stop_line_.get(),
                               .memory_is_limited = settings.memory_is_limited()};
    auto inherited = handle.channel.descriptors();
    inherited.push_back(handle.stop_line);
    process_ = launch(start_method::spawn, {.name = "worker-" + std::to_string(id),
                                            .function = make_call(&worker_loop, handle),
                                            .inherited = inherited,
                                            .leads_group = true,
                                            .settings = settings.all(cpu),
                                            .environment = settings.environment()});
    channel_->watch(process_->handle());
}

worker::~worker() {
    if (!process_->exit_code()) {
        process_->signal(SIGKILL);
        process_->wait_until(steady_time::max());
    }
}

void worker::prepare(const call& initializer) {
    ++answers_expected_;
    channel_->send(frame_kind::initialize, 0, initializer.encoded);
}

bool worker::answered() noexcept {
    channel_->worker_is_there();
    workers_stop_line_ = os::descriptor();
    if (answers_expected_ != 0) {
        --answers_expected_;
    }
    return answers_expected_ == 0;
}

void worker::request_stop(task_id task) {
    // A worker that does not listen, or is gone, will be ended: nothing else is to be done about it.
    (void)os::send_packet(stop_line_.get(), std::as_bytes(std::span(&task, 1)));
}

void worker::ask_to_end(steady_time now) {
    process_->signal(SIGTERM);
    end_time = steady_time::max();
    kill_time_ = std::min(kill_time_, now + termination_grace);
}

void worker::hung_up(steady_time now) {
    hung_up_ = true;
    kill_time_ = std::min(kill_time_, now + termination_grace);
}

void worker::kill() noexcept {
    process_->signal(SIGKILL);
    kill_time_ = steady_time::max();
}

void worker::note(std::string why) {
    if (why_.empty()) {
        why_ = std::move(why);
    }
}

std::string worker::epitaph() {
    const int code = process_->exit_code().value_or(0);
    note(settings_.about_end(code));
    auto text = "worker " + std::to_string(pid());
    if (code < 0) {
        const char* abbreviation = ::sigabbrev_np(-code);
        text += " was killed by " + (abbreviation != nullptr ? "SIG" + std::string(abbreviation)
                                                             : "signal " + std::to_string(-code));
    } else {
        text += " exited with code " + std::to_string(code);
    }
    return why_.empty() ? text : text + " (" + why_ + ")";
}

} // namespace multiprocessing::detail
