// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "actor/packet.hpp"
#include "os/unshared.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/pool_options.hpp>

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace multiprocessing::detail {

/// The way of a process to an actor that another process has: see `actor_server`. Its thread, which receives
/// outcomes, is there until the last handle is gone and nothing is under way. Thread-safe.
class actor_link final : public task_owner {
    struct only_by_connect {};

public:
    /// Where nobody is there what is called fails with `actor_lost`. Throws `resource_error`.
    static std::shared_ptr<actor_link> connect(const std::string& address);
    explicit actor_link(only_by_connect) {}

    /// Waits while `most_calls` are under way. Throws `resource_error`, `not_encodable` for a predicate,
    /// `wait_stopped`.
    void submit(call&& function, std::shared_ptr<completion> state, const task_options& options);
    /// Waits for the answer; null when the limit came first. Throws `actor_lost`, `resource_error`, and
    /// what is answered.
    std::shared_ptr<completion> ask(packet_kind what, const wait_limit& limit = steady_time::max());
    /// Wants no answer.
    void tell(packet_kind what, std::uint64_t id = 0);
    /// No handle is left.
    void release();

    bool cancel(std::uint64_t id) override;
    void wait_for(std::uint64_t id, const completion& waited) override;

private:
    /// What is under way: a call, or a question.
    struct request {
        std::shared_ptr<completion> state;
        std::vector<std::shared_ptr<const void>> kept{}; // for its arguments
        function_name function{};
    };
    enum class bound { none, most_calls };

    void send(packet_kind kind, request&& made, const value_bytes& content, bound bounded,
              const std::stop_token& stop = {});
    void send(const outgoing_packet& packet, std::uint64_t id) const;
    std::uint64_t begin(request&& made, bound bounded, const std::stop_token& stop);
    void run();
    void receive_all();
    void take(incoming_packet&& packet);
    std::optional<request> end(std::uint64_t id);
    static void fail(request&& lost);
    static void complete(request&& done, payload outcome);
    void lose();

    std::unique_ptr<os::unshared_descriptor> socket_; // null: nobody was there
    std::unique_ptr<os::unshared_descriptor> there_;  // the process that has the actor, to be watched
    std::thread::id thread_{};
    packet_receiver receiver_; // the thread's own

    std::mutex mutex_; // guards what follows
    std::condition_variable_any room_;
    std::map<std::uint64_t, request> under_way_;
    std::uint64_t last_id_ = 0;
    bool is_lost_ = false;
    bool is_released_ = false;
};

} // namespace multiprocessing::detail
