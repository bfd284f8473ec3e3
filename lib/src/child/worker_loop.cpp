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
    } catch (const std::system_error& e) { // no memory for a large one
        const auto size = std::to_string(outcome.size());
        outcome.clear();
        put_exception(std::make_exception_ptr(
                          not_encodable("the result of " + size + " bytes could not be sent: " + e.what())),
                      outcome);
        pool.send(frame_kind::result, task, outcome);
    }
}

} // namespace

void worker_loop(const channel_handle& handle) {
    // An interrupt from the terminal goes to the whole family, and the pool decides what becomes of its
    // workers.
    std::signal(SIGINT, SIG_IGN);
    channel pool(handle);
    pool.send(frame_kind::ready, 0, {});
    bytes outcome;
    for (;;) {
        const auto received = pool.wait_and_receive();
        if (received.kind == frame_kind::leave) {
            return;
        }
        if (received.kind == frame_kind::task) {
            pool.begin(received.id);
        }
        decoder in(received.content.bytes);
        outcome.clear();
        run_to_outcome(in, outcome);
        flush_output();
        if (received.kind == frame_kind::task) {
            send_result(pool, received.id, outcome);
        } else if (is_value(outcome)) {
            pool.send(frame_kind::ready, 0, {});
        } else {
            pool.send(frame_kind::initializer_failed, 0, outcome);
            std::exit(EXIT_FAILURE);
        }
        if (outcome.capacity() > payload_buffer::largest) {
            outcome = {};
        }
    }
}

} // namespace multiprocessing::detail
