// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/worker.hpp"

#include "child/worker_loop.hpp"
#include "os/copy.hpp"
#include "os/oom.hpp"
#include "os/printed.hpp"
#include "os/socket.hpp"
#include "pool/stack_trace.hpp"
#include "start/launch.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <exception>
#include <mutex>
#include <span>
#include <tuple>

namespace multiprocessing::detail {
namespace {

/// Tasks that were sent to it wait meanwhile.
constexpr std::chrono::milliseconds longest_dying_of_the_idle{50};

struct kills_told {
    std::mutex mutex; // guards what follows
    std::uint64_t count = 0;
};

/// Whether a worker that was killed may be one of those that the kernel has killed since there were `before`.
/// Each of those is told of one worker only.
bool is_among_the_oom_killed(std::optional<std::uint64_t> before) {
    auto& told = os::one_per_process<kills_told>();
    const auto now = os::oom_kills();
    const std::lock_guard lock(told.mutex);
    if (!now || !before || *now <= std::max(*before, told.count)) {
        return false;
    }
    told.count = std::max(*before, told.count) + 1;
    return true;
}

} // namespace

worker::worker(worker_id id, const pool_options& options, const worker_settings& settings,
               const shared_heap& tasks, std::optional<int> cpu)
    : id_(id),
      settings_(settings),
      cpu_(cpu),
      channel_(make_channel(options, tasks)),
      printed_(os::make_printed_memory()),
      oom_kills_before_(os::oom_kills()) {
    std::tie(stop_line_, workers_stop_line_) = os::make_socket_pair();
    const worker_handle handle{.channel = channel_->handle(),
                               .stop_line = workers_stop_line_.get(),
                               .printed = printed_.get(),
                               .memory_is_limited = settings.memory_is_limited(),
                               .is_traced = !options.trace.empty(),
                               .keeps_freed_memory = !settings.memory_is_limited() && options.max_rss == 0};
    auto inherited = handle.channel.descriptors();
    inherited.insert(inherited.end(), {handle.stop_line, handle.printed});
    const auto& name = options.worker_name;
    process_ = launch(settings.start_method(), {.name = name.empty() ? "worker-" + std::to_string(id) : name,
                                                .function = make_call(&worker_loop, handle),
                                                .inherited = inherited,
                                                .streams = {-1, -1, words_.writing_end()},
                                                .leads_group = true,
                                                .settings = settings.all(cpu),
                                                .environment = settings.environment()});
    words_.started();
}

worker::~worker() {
    if (!process_->exit_code()) {
        process_->kill();
    }
}

void worker::prepare(const call& initializer) {
    ++answers_expected_;
    channel_->send(frame_kind::initialize, 0, initializer.encoded);
}

bool worker::answered() noexcept {
    channel_->worker_is_there();
    workers_stop_line_ = os::descriptor();
    return --answers_expected_ == 0;
}

std::string worker::printed() const {
    return os::read_printed(printed_.get(), most_captured);
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
    kill_time_ = std::min(kill_time_, now + termination_grace);
}

void worker::kill() noexcept {
    process_->signal(SIGKILL);
    kill_time_ = steady_time::max();
    abandon_time_ = std::min(abandon_time_, std::chrono::steady_clock::now() + longest_dying);
}

void worker::is_held(bool was_idle) noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (abandon_time_ == steady_time::max()) {
        kill(); // what it has started
        if (was_idle) {
            abandon_time_ = now + longest_dying_of_the_idle;
        }
    }
    look_again = now + look_again_after;
}

void worker::abandon() {
    if (!process_->exit_code()) {
        note("nothing is known of its end: the system, or who traces it, does not let go of it");
        process_->abandon();
    }
}

void worker::note(std::string why) {
    if (why_.empty()) {
        why_ = std::move(why);
    }
}

death worker::death() {
    const auto how = process_->ended().value_or(ending{});
    detail::death result{.pid = pid(), .exit_code = how.exit_code};
    auto& details = result.details;
    details.core_dumped = how.core_dumped;
    details.peak_memory = how.peak_memory;
    details.last_output = words_.tail();
    if (how.exit_code == -SIGKILL && why_.empty() && is_among_the_oom_killed(oom_kills_before_)) {
        details.out_of_memory = true;
        note("the kernel's out-of-memory killer, most likely: "
             "since it was started it has killed in this control group");
    }
    note(settings_.about_end(how.exit_code));
    result.epitaph = epitaph(how.exit_code);
    try {
        details.stack_trace = stack_trace_in(channel_->report(), -how.exit_code);
    } catch (const std::exception&) { // no memory for symbol tables, which may be large
    }
    return result;
}

std::string worker::epitaph(int code) const {
    auto text = settings_.words().worker + " " + std::to_string(pid());
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
