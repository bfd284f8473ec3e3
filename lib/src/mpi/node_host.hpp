// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/mailbox.hpp"
#include "mpi/node_message.hpp"
#include "pool/pool_core.hpp"

#include <multiprocessing/shared_memory.hpp>

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>

namespace multiprocessing::detail {

/// What a node says of itself.
struct node_hello {
    static constexpr std::uint64_t expected_protocol = 0x1007'6970'6d2d'706d;

    std::uint64_t protocol = expected_protocol; ///< first, and to be looked at first
    std::string build_id{};
    std::string host{};
    std::int64_t pid = 0;
    std::int64_t parent = 0;
    std::uint64_t cpus = 0;
};
[[nodiscard]] node_hello hello_of_this_process();

/// What a node does for the root's pools: each has a pool here, whose workers run the tasks. In an agent, or
/// in the root itself. It has a thread of its own, since what is to be done may take its time, to start
/// workers or to copy arrays, and who MPI belongs to owes the others signs of life.
class node_host {
public:
    /// Any thread may call it, at any time.
    using sender = std::function<void(node_message)>;

    explicit node_host(sender send);
    /// Terminates all pools, and waits for that.
    ~node_host();
    node_host(const node_host&) = delete;
    node_host& operator=(const node_host&) = delete;

    /// Has done what the root says, in that order. `leave` terminates all pools, and is answered by `left`.
    /// Any thread.
    void post(node_message message) { orders_.post(std::move(message)); }

private:
    struct hosted_pool;

    void run();
    void obey(node_message&& message);
    void take_array(const node_message& message);
    void initialize(hosted_pool& host, const node_message& message);
    void end_pools();
    void open(const node_message& message);
    void run_task(hosted_pool& host, node_message&& message);
    call call_in(decoder& in, pool_core& pool, task_options& options);
    void end(hosted_pool& host, std::uint32_t number, bool at_once);
    void forget_ended_pools();

    const sender send_;
    std::map<std::uint32_t, std::unique_ptr<hosted_pool>> pools_;
    std::map<std::string, std::shared_ptr<array_core>> arrays_; // by their names at the root
    std::map<std::string, std::exception_ptr> why_not_here_;    // arrays that should be
    bool is_over_ = false;
    mailbox<node_message> orders_;
    std::thread thread_; // to which belongs all of this but the mailbox
};

/// The content of `open`.
[[nodiscard]] payload content_of_open(const pool_options& options);
/// The content of `task` and `initialize`. `arrays` names those that it refers to.
[[nodiscard]] payload content_of_call(const call& function, const task_options& options,
                                      const std::vector<std::string>& arrays);
} // namespace multiprocessing::detail
