// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "mpi/agent_hosts.hpp"
#include "mpi/mailbox.hpp"
#include "mpi/node_host.hpp"
#include "mpi/pace.hpp"
#include "mpi/peer.hpp"
#include "mpi/places.hpp"
#include "mpi/start.hpp"
#include "os/copy.hpp"

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace multiprocessing::detail {

/// A pool, as the cluster sees it. Called on the cluster's thread, but for the destructor. What `received`
/// throws loses the node.
class cluster_user {
public:
    virtual ~cluster_user() = default;
    /// There is a node, now or from the beginning.
    virtual void node_came(node_id node, const node_hello& hello) = 0;
    virtual void node_went(node_id node) = 0;
    /// No node is there, and none will come.
    virtual void nobody_comes() = 0;
    virtual void received(node_id node, node_message&& message) = 0;
    virtual void look_at_the_clock(steady_time now) = 0;
    /// Whether something may come at any moment.
    [[nodiscard]] virtual bool is_busy() const = 0;
    /// Whether it wants to hear nothing more.
    [[nodiscard]] virtual bool is_over() const = 0;
};

/// All nodes, as the root sees them. One for a process, from the first pool to the program's end.
///
///     pools (any thread) --- mailbox ---> one thread ---> peers ======> agents
///                                           |   |
///     pools <------- cluster_user ----------+   +-------> node_host, where this machine is a node
///
/// When MPI does not come back from a call all agents are lost, and another thread goes on with what is left.
class cluster {
public:
    struct beginning;
    /// Starts MPI and the agents, and does not wait for them.
    static beginning& begin();
    /// The same, and waits until all have said hello. Throws `start_failed`, at every call if at the first;
    /// also in a copy of a process that has one.
    static cluster& of_this_process();
    /// Has agents end, and MPI, if it is ours. Once; nothing in a copy of the process. `mpi_ends_now`: the
    /// program is about to end MPI itself.
    void end_with_program(int exit_code, bool mpi_ends_now);

    // Any thread.

    /// Tells it of the nodes there are; those are told of it by what it sends. Waits for that. Throws
    /// `start_failed` at the program's end.
    void add(std::uint32_t pool, std::shared_ptr<cluster_user> user);
    void post(node_id to, node_message message) {
        mailbox_.post(to_node{.to = to, .message = std::move(message)});
    }
    [[nodiscard]] std::uint32_t new_pool_number() noexcept { return ++last_pool_; }
    /// How many nodes there are to be.
    [[nodiscard]] std::size_t size() const noexcept { return expected_; }

private:
    struct node {
        std::unique_ptr<peer> agent{};     // null: it is in this process
        std::unique_ptr<node_host> host{}; // if it is
        std::string name{};                // for people, until its hello
        std::size_t place = 0;             // of its host among those that agents are started on
        steady_time since = std::chrono::steady_clock::now();
        std::optional<node_hello> hello{};
        bool has_left = false; // no pool of its runs any more

        void send(node_message message);
    };
    struct to_node {
        node_id to;
        node_message message;
    };
    struct from_own_node {
        node_id from;
        node_message message;
    };
    struct new_user {
        std::uint32_t pool;
        std::shared_ptr<cluster_user> user;
        std::promise<void>* told;
    };
    struct end {
        int exit_code;
        bool mpi_ends_now; ///< by the program, whose it is
    };
    using command = std::variant<to_node, from_own_node, new_user, end>;

    cluster();

    // Its beginning and end, cluster_life.cpp.
    void run();
    void go_on_without_mpi();
    void until_the_end();
    void tell_whether_up(std::exception_ptr failure);
    void start();
    void start_mpi();
    void add_node(node added);
    void start_agent(std::size_t place);
    void wait_for_hellos();
    [[nodiscard]] bool say_goodbye(const end& order);
    void leave(const end& order);

    // What it does in between, cluster.cpp.
    bool take_a_turn();
    bool take_turns_until(steady_time deadline, const std::function<bool()>& is_done);
    void perform(to_node& order);
    void perform(from_own_node& order);
    void perform(new_user& order);
    void perform(end& order);
    bool exchange(steady_time now);
    void handle(node_id from, node_message&& message);
    void greet(node_id from, const node_message& message);
    void lose(node_id lost, const std::string& why);
    void remove(node_id gone);
    void remove_all();
    void look_for_silence(steady_time now);
    void fill_vacancies(steady_time now);
    void tell_if_nobody_comes();
    [[nodiscard]] bool nobody_comes() const noexcept { return nodes_.empty() && hosts_.are_settled(); }

    const os::maker maker_{};
    mailbox<command> mailbox_;
    std::atomic<std::uint32_t> last_pool_{0};
    std::atomic<std::size_t> expected_{0};
    std::thread thread_;
    std::promise<void> is_up_;
    std::atomic<bool> is_told_of_end_{false};
    std::promise<void> is_over_;

    // Of that thread; of another from the time on when it does not come back from MPI.
    std::optional<mpi_session> session_;
    agent_hosts hosts_;
    std::map<node_id, node> nodes_;
    node_id last_node_ = 0;
    std::map<std::uint32_t, std::shared_ptr<cluster_user>> users_;
    const std::chrono::seconds longest_silence_;
    pace pace_;
    std::string own_build_;
    std::exception_ptr refusal_; // why the start has failed
    std::optional<end> end_;
    steady_time last_turn_{};
    steady_time last_tick_{};
    bool is_starting_ = true;
    bool has_lost_ = false; // nodes
    bool has_told_whether_up_ = false;
    bool is_without_mpi_ = false;
};

} // namespace multiprocessing::detail
