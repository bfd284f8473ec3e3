// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/copy.hpp"
#include "os/descriptor.hpp"
#include "start/child_streams.hpp"
#include "start/launch.hpp"

#include <multiprocessing/process.hpp>

#include <atomic>
#include <csignal>

namespace multiprocessing {
namespace {

std::string next_name() {
    static std::atomic<unsigned> last{0};
    return "process-" + std::to_string(++last);
}

/// Nothing to decode: what is called is in the memory of the child.
detail::call call_in_memory() {
    detail::call result;
    result.inherited = std::make_shared<detail::inheritance>();
    return result;
}

} // namespace

process::process(process_options options, detail::call call)
    : options_(std::move(options)), call_(std::move(call)) {
    if (options_.name.empty()) {
        options_.name = next_name();
    }
}

process::process(process_options options, std::unique_ptr<detail::closure> function)
    : process(std::move(options), call_in_memory()) {
    if (options_.start_method.value_or(start_method::fork) != start_method::fork) {
        throw std::invalid_argument("multiprocessing::process: " + options_.name +
                                    " is to be forked, and its options say otherwise");
    }
    options_.start_method = start_method::fork;
    closure_ = std::move(function);
}

process::process(process&&) noexcept = default;

process& process::operator=(process&& other) noexcept {
    if (this != &other) {
        process old(std::move(*this)); // ended at the end of this scope
        options_ = std::move(other.options_);
        call_ = std::move(other.call_);
        closure_ = std::move(other.closure_);
        child_ = std::move(other.child_);
        streams_ = std::move(other.streams_);
    }
    return *this;
}

process::~process() {
    if (child_ && !child_->is_started_here()) {
        os::abandon(std::move(child_));
    } else if (child_ && !child_->exit_code()) {
        child_->end();
    }
}

void process::start() {
    if (child_) {
        throw std::logic_error("multiprocessing::process::start: " + name() + " was started before");
    }
    if (!call_.inherited) {
        throw std::logic_error("multiprocessing::process::start: this process was moved from");
    }
    if (call_.inherited->is_given_up()) {
        throw std::logic_error("multiprocessing::process::start: the connections and writers among the "
                               "arguments of " +
                               name() + " have gone to the child that was started first");
    }
    auto streams = std::make_unique<detail::child_streams>(options_);
    child_ = detail::launch(options_.start_method.value_or(get_start_method()),
                            {.name = options_.name,
                             .function = call_,
                             .in_memory = closure_.get(),
                             .inherited = call_.inherited->descriptors(),
                             .streams = streams->of_child(),
                             .kept_from_it = streams->of_parent()});
    streams->started(child_->handle());
    streams_ = std::move(streams);
    call_.inherited->give_up();
}

void process::join() {
    started().wait_until(detail::steady_time::max());
}

bool process::join_before(const detail::wait_limit& limit) {
    return started().wait_until(limit);
}

bool process::is_alive() const {
    return child_ && !child_->exit_code();
}

long process::pid() const noexcept {
    return child_ ? child_->pid() : 0;
}

int process::native_handle() const noexcept {
    return child_ ? child_->handle() : -1;
}

std::optional<int> process::exit_code() const {
    return child_ ? child_->exit_code() : std::nullopt;
}

child_input& process::in() {
    return streams().in();
}

child_output& process::out() {
    return streams().out();
}

child_output& process::err() {
    return streams().err();
}

process_output process::communicate(std::string_view input) {
    auto output = streams().communicate(input);
    join();
    return output;
}

void process::terminate() {
    started().signal(SIGTERM);
}

void process::kill() {
    started().signal(SIGKILL);
}

void process::detach() {
    started().detach();
    streams_.reset();
    child_.reset();
}

detail::child_process& process::started() const {
    if (!child_) {
        throw std::logic_error("multiprocessing::process: " + options_.name + " was not started");
    }
    return *child_;
}

detail::child_streams& process::streams() const {
    (void)started();
    return *streams_;
}

int detail::copy_of_handle(const process& child) {
    if (child.native_handle() == -1) {
        throw std::logic_error("multiprocessing::process: " + child.name() + " was not started");
    }
    return os::duplicate(child.native_handle()).release();
}

} // namespace multiprocessing
