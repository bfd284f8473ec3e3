// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// init: where a child leaves the way that its parent's `main` goes.
#include "child/bootstrap.hpp"

#include "child/outcome.hpp"
#include "ipc/names.hpp"
#include "os/memory.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "start/handover.hpp"
#include "start/log.hpp"

#include <multiprocessing/context.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/init.hpp>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <map>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace multiprocessing {
namespace detail {
namespace {

/// Written by `init`, which runs before other threads exist; read only afterwards.
struct program {
    std::optional<std::vector<std::string>> arguments;
    std::string name = "main";
    std::optional<process_info> parent;
    std::map<int, int> numbers; // of what this process has inherited: those in its parent, and here
};

constinit std::atomic<void (*)()> last_step{nullptr}; // of `init`

program& this_program() {
    static auto& instance = *new program; // never destroyed: exit handlers may start processes
    return instance;
}

/// How long a process may take to die once its children have been handed to another parent.
constexpr std::chrono::seconds longest_death{10};

/// The handover whose descriptor the environment names, if it was made for this very process: the variable
/// may have come by way of a program that the intended child executed.
std::optional<handover> find_handover() {
    const char* variable = std::getenv(handover::variable);
    if (variable == nullptr) {
        return std::nullopt;
    }
    const std::string_view text(variable);
    int number = -1;
    std::from_chars(text.data(), text.data() + text.size(), number);
    ::unsetenv(handover::variable);
    if (number < 0 || !os::is_sealed_memory(number)) {
        return std::nullopt;
    }
    const os::descriptor memory(number);
    const os::mapping content(number, os::size_of(number));
    auto found = decode<handover>({content.data(), content.size()});
    if (found.magic != handover::expected_magic) {
        return std::nullopt;
    }
    if (found.parent_pid != ::getppid() && !os::flag_is_set(found.detached)) {
        // Either the parent is dying, and a process is handed to another parent a moment before its death
        // shows; or this program was executed by a process that the handover was meant for, while that one's
        // parent lives.
        if (os::wait_readable(found.parent, std::chrono::steady_clock::now() + longest_death)) {
            remove_names_of_the_dead();
            ::_exit(EXIT_FAILURE);
        }
        return std::nullopt;
    }
    return found;
}

/// Ends this process, and the group that it leads, when its parent is gone. A thread, since the function may
/// be busy; and not the parent-death signal, which comes when the thread that started this process ends. The
/// thread has a descriptor table of its own: a function that closes all descriptors does not cut its
/// lifeline.
void hold_lifeline(int parent, int detached) {
    const os::signals_blocked signals_are_for_the_function;
    std::promise<bool> holds_its_own;
    std::thread([&holds_its_own, parent, detached] {
        os::set_process_name("mp-lifeline");
        holds_its_own.set_value(os::keep_only(parent, detached));
        os::wait_readable(parent, steady_time::max());
        if (!os::flag_is_set(detached)) {
            remove_names_of_the_dead();
            ::kill(::getpgrp() == ::getpid() ? 0 : ::getpid(), SIGKILL); // 0: the group
        }
    }).detach();
    if (holds_its_own.get_future().get()) { // then the process needs them no longer
        const os::descriptor parent_here(parent);
        const os::descriptor detached_here(detached);
    }
}

/// Those that this process has inherited for its function, which asks for them by their place.
class inherited_descriptors final : public carried_descriptors {
public:
    explicit inherited_descriptors(std::vector<int> numbers) : numbers_(std::move(numbers)) {}
    int take(std::size_t index) override {
        if (index >= numbers_.size() || numbers_[index] < 0) {
            throw decode_failed("a descriptor is announced that was not inherited");
        }
        return inherited(std::exchange(numbers_[index], -1));
    }

private:
    std::vector<int> numbers_; // in the parent; -1: taken
};

int run(const handover& work, const std::function<void()>& function) {
    try {
        function();
        return EXIT_SUCCESS;
    } catch (...) {
        os::flush_standard_streams();
        std::fprintf(stderr, "Process %s (%d) ended by an exception: %s\n", work.name.c_str(), ::getpid(),
                     describe(std::current_exception()).c_str());
        return EXIT_FAILURE;
    }
}

} // namespace

void become_child(const handover& work, const std::function<void()>& function,
                  const std::vector<int>& numbers_here) {
    try {
        this_program().numbers.clear();
        for (std::size_t i = 0; i != work.inherited.size(); ++i) {
            const int here = numbers_here.empty() ? work.inherited[i] : numbers_here.at(i);
            this_program().numbers.emplace(work.inherited[i], here);
            os::set_close_on_exec(here);
        }
        os::set_process_name(work.name);
        this_program().name = work.name;
        this_program().parent = process_info(static_cast<long>(work.parent_pid), work.parent_name);
        set_start_method(static_cast<start_method>(work.default_method));
        set_log_level(static_cast<log_level>(work.log_level));
        os::set_close_on_exec(work.parent);
        os::set_close_on_exec(work.detached);
        if (work.is_fork_server) { // which has its own
            const os::descriptor parent(work.parent);
            const os::descriptor detached(work.detached);
        } else {
            hold_lifeline(work.parent, work.detached);
        }
    } catch (const std::exception& e) {
        cannot_begin(e);
    }
    const logs_of_task of_none(0); // a task that has forked this process is another's
    note(log_level::debug, [] { return std::string("begins"); });
    const int code = run(work, function);
    note(log_level::debug, [&] { return "exits with code " + std::to_string(code); });
    std::exit(code);
}

void cannot_begin(const std::exception& reason) {
    std::fprintf(stderr, "multiprocessing: a process could not begin what it was started for: %s\n",
                 reason.what());
    std::exit(EXIT_FAILURE);
}

int inherited(int number) noexcept {
    const auto& numbers = this_program().numbers;
    const auto found = numbers.find(number);
    return found == numbers.end() ? number : found->second;
}

void run_encoded(std::span<const std::byte> call, const std::vector<int>& descriptors) {
    inherited_descriptors carried(descriptors);
    decoder in(call, &carried);
    bytes ignored;
    encoder out(ignored);
    run_call(in, out);
}

void at_end_of_init(void (*step)()) noexcept {
    last_step = step;
}

const std::optional<std::vector<std::string>>& program_arguments() {
    return this_program().arguments;
}

} // namespace detail

void init(int argc, char** argv) {
    auto& program = detail::this_program();
    if (program.arguments) {
        return;
    }
    program.arguments.emplace(argv, argv + argc);
    try {
        if (const auto work = detail::find_handover()) {
            detail::become_child(*work, [&] { detail::run_encoded(work->call, work->inherited); });
        }
        detail::heed_log_variable();
        detail::remove_names_of_the_dead();
        if (const auto step = detail::last_step.load()) {
            step();
        }
    } catch (const std::exception& e) {
        detail::cannot_begin(e);
    }
}

process_info current_process() {
    return {::getpid(), detail::this_program().name};
}

std::optional<process_info> parent_process() {
    return detail::this_program().parent;
}

} // namespace multiprocessing
