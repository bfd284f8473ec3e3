// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "actor/guest.hpp"
#include "actor/packet.hpp"
#include "connection/acceptor.hpp"
#include "os/descriptor.hpp"
#include "os/unshared.hpp"
#include "pool/pool_core.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace multiprocessing::detail {

/// Takes calls of a pool's tasks from other processes, and sends them the outcomes.
///
///     process that calls                           | process that has the pool
///                                                  |
///     call --> actor_link ==== socket, packets ====|=> actor_server --> pool_core
///                                                  |   (its thread)        |
///     future <-- its thread <======================|=== client <----- supervisor
///
/// A call goes to the pool as the bytes that came. An outcome is sent by the thread that completes the call;
/// what is large, or finds no room, is left to the server's thread. Who calls sees to it that not too many
/// calls wait (`most_calls`): nothing here waits for one of those who call, nor for the pool.
class actor_server {
public:
    /// The pool must outlive it. Throws `resource_error`.
    explicit actor_server(pool_core& pool);
    /// After the pool's end: those who have called get what they have not got yet, if they take it soon.
    ~actor_server();
    actor_server(const actor_server&) = delete;
    actor_server& operator=(const actor_server&) = delete;

    /// The name of a socket, which tells its maker.
    [[nodiscard]] const std::string& address() const noexcept { return acceptor_.address(); }

private:
    // The thread.
    void run();
    void take_a_turn(steady_time deadline);
    [[nodiscard]] bool serve(const std::shared_ptr<actor_guest>& served);
    void obey(const std::shared_ptr<actor_guest>& served, incoming_packet&& request);
    void submit(const std::shared_ptr<actor_guest>& served, incoming_packet&& request);

    pool_core& pool_;
    /// A flag: outcomes are left to be sent, or the end has come.
    const std::shared_ptr<const os::unshared_descriptor> wake_;
    std::atomic<bool> ending_{false};

    // The thread's own.
    acceptor acceptor_;
    std::vector<std::shared_ptr<actor_guest>> guests_;
    std::thread thread_;
};

} // namespace multiprocessing::detail
