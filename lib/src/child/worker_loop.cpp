// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/worker_loop.hpp"

#include "child/bootstrap.hpp"
#include "child/outcome.hpp"
#include "child/stop_line.hpp"
#include "ipc/shared_array.hpp"
#include "os/copy.hpp"
#include "os/crash_handler.hpp"
#include "os/printed.hpp"
#include "os/process.hpp"
#include "pool/task_table.hpp"
#include "start/child_process.hpp"
#include "start/log.hpp"

#include <multiprocessing/pool_options.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <new>
#include <span>
#include <thread>

namespace multiprocessing::detail {
namespace {

[[noreturn]] void end_out_of_memory() {
    std::_Exit(out_of_memory);
}

/// Where memory is had without `new`, and its lack becomes an exception, a limit has the same effect.
void heed_limit(const resource_error& e) {
    if (e.code() == std::errc::not_enough_memory && std::get_new_handler() == &end_out_of_memory) {
        end_out_of_memory();
    }
}

/// Why arguments could not be received, where that is not due to a limit.
std::exception_ptr unless_limited(const std::exception_ptr& lost) {
    try {
        std::rethrow_exception(lost);
    } catch (const resource_error& e) {
        heed_limit(e);
        return lost;
    }
}

void send_outcome(channel& pool, std::uint64_t task, bytes& outcome) {
    if (pool.send(frame_kind::result, task, outcome) == frame_route::in_heap) {
        outcome.let_go();
    }
}

void send_result(channel& pool, std::uint64_t task, bytes& outcome) {
    try {
        send_outcome(pool, task, outcome);
    } catch (const resource_error& e) { // no memory for a large one
        heed_limit(e);
        const auto why =
            "the result of " + std::to_string(outcome.size()) + " bytes could not be sent: " + e.what();
        outcome.give_back();
        put_exception(std::make_exception_ptr(resource_error(e.code(), why)), outcome);
        send_outcome(pool, task, outcome);
    }
}

/// A task may fork, and return in the copy too. That has no part in what its original is.
void end_if_copy_of(const os::maker& worker) {
    if (!worker.is_here()) {
        std::_Exit(EXIT_SUCCESS);
    }
}

/// Runs the call in a frame; its outcome is appended to `outcome`.
void run_received(const os::maker& worker, const frame& received, bytes& outcome) {
    if (received.lost) {
        put_exception(unless_limited(received.lost), outcome);
        return;
    }
    stop_line::of_this_process().begin(received.id);
    decoder in(received.content.bytes());
    run_to_outcome(in, outcome);
    end_if_copy_of(worker);
    stop_line::of_this_process().end();
    os::flush_standard_streams(); // what was printed should be seen even when the worker is killed later
}

/// The same, for a task whose prints are wanted: they are sent ahead of the outcome. Until that is sent they
/// stay in the memory, where the pool finds them should this process die.
void run_captured(const os::maker& worker, channel& pool, const frame& received, int memory, bytes& outcome) {
    try {
        const os::printing_to captured(memory);
        run_received(worker, received, outcome);
    } catch (const resource_error&) { // no descriptor
        put_exception(std::current_exception(), outcome);
        return;
    }
    const auto text = os::read_printed(memory, most_captured);
    if (text.empty()) {
        return;
    }
    const auto content = std::as_bytes(std::span(text));
    try {
        pool.send(frame_kind::printed, received.id, content);
    } catch (const resource_error& e) { // no memory for so much
        heed_limit(e);
        pool.send(frame_kind::printed, received.id,
                  content.first(std::min(content.size(), channel::surely_in_message)));
    }
}

/// Runs a task, and says before its outcome is sent when that was, if it `is_traced`.
template <class Run>
void tell_when(channel& pool, bool is_traced, std::uint64_t task, const Run& run) {
    if (!is_traced) {
        run();
        return;
    }
    running_times times{.begin = std::chrono::steady_clock::now().time_since_epoch(), .end = {}};
    run();
    times.end = std::chrono::steady_clock::now().time_since_epoch();
    pool.send(frame_kind::ran, task, std::as_bytes(std::span(&times, 1)));
}

/// The next frame. A worker that has had nothing to do for a while gives back what memory it has kept.
frame next_frame(channel& pool) {
    channel::duration patience = std::chrono::seconds(1);
    for (;;) {
        if (auto next = pool.wait_and_receive(patience)) {
            return std::move(*next);
        }
        forget_unused_arrays();
        os::give_freed_memory_back();
        patience =
            pool.trim() ? channel::duration::max() : 2 * patience; // the pool tells nobody when it is done
    }
}

/// Receives, runs and sends until told to leave.
void serve(channel& pool, const worker_handle& handle) {
    const os::maker self;
    const int printed = inherited(handle.printed);
    pool.send(frame_kind::ready, 0, {});
    // A limit is for what tasks need: large results are better copied once more than mapped.
    bytes outcome(handle.memory_is_limited ? nullptr : pool.memory_for_results());
    const auto begins_it = [] { return std::string("begins it"); };
    for (;;) {
        const auto received = next_frame(pool);
        const logs_of_task tagged(number_of(received.id)); // 0, if it is none
        switch (received.kind) {
        case frame_kind::leave:
            return;
        case frame_kind::task:
            note(log_level::debug, begins_it);
            tell_when(pool, handle.is_traced, received.id, [&] { run_received(self, received, outcome); });
            send_result(pool, received.id, outcome);
            break;
        case frame_kind::captured_task:
            note(log_level::debug, begins_it); // before its prints are captured, of which this is none
            tell_when(pool, handle.is_traced, received.id,
                      [&] { run_captured(self, pool, received, printed, outcome); });
            send_result(pool, received.id, outcome);
            os::clear_printed(printed);
            break;
        case frame_kind::initialize:
            note(log_level::debug, [] { return std::string("calls the initializer"); });
            run_received(self, received, outcome);
            if (!is_value(outcome)) {
                pool.send(frame_kind::initializer_failed, 0, outcome);
                std::exit(EXIT_FAILURE);
            }
            pool.send(frame_kind::ready, 0, {});
            break;
        default:
            throw nonsense_received("a pool sent its worker what only workers send");
        }
        outcome.give_back();
    }
}

} // namespace

void worker_loop(const worker_handle& handle) {
    if (handle.memory_is_limited) {
        std::set_new_handler(&end_out_of_memory);
    }
    // Who interrupts the family leaves it to the pool what becomes of its workers. And the terminal belongs
    // to another process group: a worker that uses it is not to be stopped for that. It can write, and an
    // attempt to read fails.
    for (const int number : {SIGINT, SIGTTIN, SIGTTOU}) {
        std::signal(number, SIG_IGN);
    }
    if (handle.keeps_freed_memory) {
        os::keep_freed_memory();
    }
    stop_line::of_this_process().open(inherited(handle.stop_line));
    const auto channel_here = handle.channel.renumbered(&inherited);
    const auto pool = open_channel(channel_here);
    const os::crash_reporting reporting(channel_here.socket);
    try {
        serve(*pool, handle);
    } catch (const nonsense_received&) {
        throw;
    } catch (const channel_broken&) {
        // Most likely the parent is gone. Then the lifeline ends this process with its group, which it would
        // leave behind by itself.
        std::this_thread::sleep_for(termination_grace);
    }
}

} // namespace multiprocessing::detail
