// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/array_copies.hpp"
#include "mpi/cluster.hpp"
#include "mpi/collector.hpp"
#include "mpi/places.hpp"
#include "os/copy.hpp"
#include "pool/after_attempt.hpp"
#include "pool/latencies.hpp"
#include "pool/schedule.hpp"
#include "pool/task_table.hpp"

#include <multiprocessing/detail/task_runner.hpp>
#include <multiprocessing/mpi.hpp>

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// Has no room: what travels to other machines lies in no memory that is shared.
class no_shared_memory final : public memory_source {
public:
    [[nodiscard]] std::span<std::byte> allocate(std::size_t /*size*/) noexcept override { return {}; }
    void release(std::byte* /*memory*/) noexcept override {}
};

/// A pool on many nodes: the same schedule as a local pool's, and what acts on it.
///
///     apply_async ---> task queue ---> places ---> cluster ======> node
///     (any thread)     (schedule)     (perform)                     |
///                                                                   |
///     future <--- completion <-------- cluster's thread <===========+
///                     ^                      |
///                     +----- collector <-----+  where a function of the user's is to run
///
/// What a place runs is done by the pool on its node: time-outs, retries, stopping, and the replacing of
/// workers are decided there; here it is decided who gets what, and what becomes of tasks whose node is lost.
class mpi_core final : public task_runner, public cluster_user {
public:
    mpi_core(cluster& all, const mpi_options& options);

    /// Waits until all nodes have made their workers. Throws `start_failed`.
    void start();
    [[nodiscard]] std::vector<mpi_node> nodes() const;

    bool submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                const task_options& options, when_full then) override;
    void set_initializer(call initializer) override;
    void close() override;
    void terminate() override;
    bool join(const wait_limit& limit) override;
    [[nodiscard]] std::size_t size() const noexcept override;
    [[nodiscard]] std::size_t in_flight() const noexcept override;
    [[nodiscard]] memory_source& memory_for_tasks() noexcept override { return no_shared_memory_; }
    [[nodiscard]] pool_stats stats() const override;
    [[nodiscard]] bool is_made_here() const noexcept override { return maker_.is_this_process(); }
    void wait_for(std::uint64_t task, const completion& waited) override;
    bool cancel(std::uint64_t task) override;

    void node_came(node_id node, const node_hello& hello) override;
    void node_went(node_id node) override;
    void nobody_comes() override;
    void received(node_id node, node_message&& message) override;
    void look_at_the_clock(steady_time now) override;
    [[nodiscard]] bool is_busy() const override { return busy_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool is_over() const override { return collector_.over()->ready(); }

private:
    /// A task that is not complete.
    struct task {
        payload content{}; // of its message, as long as it may have to be sent again
        std::vector<std::shared_ptr<const void>> kept{}; // for its arguments
        std::vector<array_in_use> arrays{};
        std::shared_ptr<detail::completion> completion{};
        std::size_t part = 0;
        function_name function{};
        retry_predicate retry_if{};
        std::size_t retries_left = 0; // that are decided here
        std::size_t attempts = 1;
        bool is_idempotent = false;
        bool is_cancelled = false;
        std::string lost_with{}; // the host that was lost last
        steady_time submitted = std::chrono::steady_clock::now();
    };
    struct node {
        node_hello hello{};
        std::size_t processes = 0;
        bool is_open = false;   // it has said whether it has workers
        bool has_ended = false; // it has none any more, or never had
    };
    using lock = std::unique_lock<std::mutex>;

    // Under the lock: the dispatcher, mpi_core.cpp.
    void perform();
    void perform(const action::start_worker& start);
    void perform(const action::send_task& send);
    void perform(const action::take_back& take);
    void perform(const action::start_timer& /*timer*/) {}    // nodes have timers
    void perform(const action::request_stop& /*request*/) {} // so do they for this
    void perform(const action::dismiss_worker& dismiss);
    void perform(const action::end_worker& end);
    void perform(const action::spare_worker& /*spare*/) {}
    void perform(const action::rest_task& rest);
    void perform(const action::fail_task& failed);
    void place_gone(worker_id place);
    void complete(task_id id, payload&& outcome);
    void complete_with_error(task_id id, std::exception_ptr error);
    void finish(task_id id, task& finished);
    [[nodiscard]] std::exception_ptr error_for(const task& failed, action::failure reason) const;
    void wait_for_room(lock& held, const std::stop_token& stop);
    void deliver(lock& held);

    // Under the lock: what comes from nodes and goes to them, from_nodes.cpp.
    void post(node_id to, node_message&& message);
    void post_with_arrays(node_id to, node_message&& message, const std::vector<array_in_use>& arrays);
    void send_to_all(message_kind kind);
    void end_nodes();
    void initialize(node_id id);
    void opened(node_id id, const payload& outcome);
    void refuse(node_id id, const std::string& why);
    void give_up();
    void take_outcome(node_id from, node_message&& message);

    // The collector's thread.
    void judge(doubt asked);

    const os::maker maker_;
    cluster& cluster_;
    const mpi_options options_;
    const std::uint32_t number_;
    no_shared_memory no_shared_memory_;

    mutable std::mutex mutex_; // guards all below but the collector
    std::condition_variable_any room_;
    std::size_t waiting_for_room_ = 0; // threads
    std::condition_variable opened_;
    std::optional<schedule> schedule_; // once it is known how many places there are
    places places_;
    std::map<node_id, node> nodes_;
    array_copies copies_;
    task_ids ids_;
    task_table<task> tasks_;
    bool has_submitted_ = false;
    std::optional<task> initializer_; // for its content and what that refers to
    resting_tasks resting_;
    std::vector<finished_task> finished_;
    std::size_t delivering_ = 0; // threads that complete futures
    bool skips_root_ = false;    // it does not work, though it could
    bool nobody_comes_ = false;
    bool nodes_are_ending_ = false;
    bool terminated_ = false;
    bool is_over_ = false;       // the collector is to do what is left
    std::exception_ptr refusal_; // why the last node could not make its workers
    pool_stats stats_;
    latencies latencies_;
    std::atomic<bool> busy_{false};

    collector collector_;
};

} // namespace multiprocessing::detail
