// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/worker_loop.hpp"

#include "child/outcome.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace multiprocessing::detail {
namespace {

/// What was printed should be seen even when the worker is killed later.
void flush_output() {
    std::cout.flush();
    std::fflush(stdout);
}

void send_result(channel& pool, std::uint64_t task, bytes& outcome) {
    try {
        pool.send(frame_kind::result, task, outcome);
    } catch (const resource_error& e) { // no memory for a large one
        const auto why =
            "the result of " + std::to_string(outcome.size()) + " bytes could not be sent: " + e.what();
        outcome.clear();
        put_exception(std::make_exception_ptr(resource_error(e.code(), why)), outcome);
        pool.send(frame_kind::result, task, outcome);
    }
}

/// Runs the call in a frame; its outcome is appended to `outcome`.
void run_received(const frame& received, bytes& outcome) {
    if (received.lost) {
        put_exception(received.lost, outcome);
        return;
    }
    decoder in(received.content.bytes);
    run_to_outcome(in, outcome);
    flush_output();
}

/// Receives, runs and sends until told to leave.
void serve(channel& pool) {
    pool.send(frame_kind::ready, 0, {});
    bytes outcome;
    for (;;) {
        const auto received = pool.wait_and_receive();
        switch (received.kind) {
        case frame_kind::leave:
            return;
        case frame_kind::task:
            run_received(received, outcome);
            send_result(pool, received.id, outcome);
            break;
        case frame_kind::initialize:
            run_received(received, outcome);
            if (!is_value(outcome)) {
                pool.send(frame_kind::initializer_failed, 0, outcome);
                std::exit(EXIT_FAILURE);
            }
            pool.send(frame_kind::ready, 0, {});
            break;
        default:
            throw nonsense_received("a pool sent its worker what only workers send");
        }
        outcome.clear();
        if (outcome.capacity() > payload_buffer::largest) {
            outcome = {};
        }
    }
}

} // namespace

void worker_loop(const channel_handle& handle) {
    // An interrupt from the terminal goes to the whole family, and the pool decides what becomes of its
    // workers.
    std::signal(SIGINT, SIG_IGN);
    channel pool(handle);
    try {
        serve(pool);
    } catch (const nonsense_received&) {
        throw;
    } catch (const channel_broken&) { // the parent is gone, and with it whoever could want to know
    }
}

} // namespace multiprocessing::detail
