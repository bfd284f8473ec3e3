// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// How the cluster begins, before its first turn, and how it ends with the program.
#include "mpi/cluster.hpp"

#include "mpi/mpi_watch.hpp"
#include "os/modules.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "start/log.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ranges>
#include <string>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// A node that says nothing for so long is lost, unless the environment asks for more: ten heartbeats.
constexpr std::chrono::seconds least_longest_silence{1};
constexpr const char* silence_variable = "MULTIPROCESSING_NODE_SILENCE";
/// At the program's end nodes get so long to end their pools, and then so long to hear that it is over.
constexpr std::chrono::seconds longest_leave{10};
constexpr std::chrono::seconds longest_goodbye{1};

std::chrono::seconds silence_in_environment() {
    const char* text = std::getenv(silence_variable);
    const auto seconds = std::chrono::seconds(text == nullptr ? 0 : std::strtol(text, nullptr, 10));
    return std::max(seconds, least_longest_silence);
}

} // namespace

/// The cluster, and whether it is up.
struct cluster::beginning {
    cluster* instance = new cluster; // never destroyed: the program's exit ends it
    std::shared_future<void> is_up;

    beginning() {
        is_up = instance->is_up_.get_future().share();
        const os::signals_blocked signals_are_for_the_programs_threads;
        instance->thread_ = std::thread([all = instance] { all->run(); });
        ::on_exit( // what ends the program is to end MPI, with the same code
            [](int code, void* self) { static_cast<cluster*>(self)->end_with_program(code, false); },
            instance);
    }
};

cluster::beginning& cluster::begin() {
    static beginning once;
    return once;
}

cluster& cluster::of_this_process() {
    auto& begun = begin();
    if (!begun.instance->maker_.is_this_process()) {
        throw cannot_start(std::errc::operation_not_permitted,
                           "this process is a forked copy of one that MPI knows; make the pool there");
    }
    begun.is_up.get();
    return *begun.instance;
}

cluster::cluster() : longest_silence_(silence_in_environment()) {}

void cluster::end_with_program(int exit_code, bool mpi_ends_now) {
    if (!maker_.is_this_process() || is_told_of_end_.exchange(true)) {
        return;
    }
    mailbox_.post(end{.exit_code = exit_code, .mpi_ends_now = mpi_ends_now});
    is_over_.get_future().get();
    if (!is_without_mpi_) {
        thread_.join();
    }
}

void cluster::add(std::uint32_t pool, std::shared_ptr<cluster_user> user) {
    std::promise<void> told;
    auto is_told = told.get_future();
    if (!mailbox_.post(new_user{.pool = pool, .user = std::move(user), .told = &told})) {
        throw cannot_start(std::errc::operation_canceled, "the program is at its end");
    }
    is_told.get();
}

void cluster::run() {
    os::set_process_name("mp-mpi");
    os::be_on_time();
    try {
        start();
        wait_for_hellos();
        is_starting_ = false;
        tell_whether_up(nullptr);
    } catch (const start_failed&) {
        tell_whether_up(std::current_exception());
    } catch (const std::exception& e) {
        tell_whether_up(std::make_exception_ptr(cannot_start(std::errc::io_error, e.what())));
    }
    until_the_end();
}

void cluster::tell_whether_up(std::exception_ptr failure) {
    if (std::exchange(has_told_whether_up_, true)) {
        return;
    }
    if (failure) {
        is_up_.set_exception(std::move(failure));
    } else {
        is_up_.set_value();
    }
}

void cluster::until_the_end() {
    take_turns_until(steady_time::max(), [this] { return end_.has_value(); });
    leave(*end_);
    is_over_.set_value();
}

/// Takes the place of the thread that is in MPI, and so has left all in order but what belongs to its agents.
void cluster::go_on_without_mpi() {
    const std::string why =
        "MPI does not come back from a call, as may be when a process has died, or has not come up";
    note(log_level::error, [&] { return "all other nodes are lost: " + why; });
    is_without_mpi_ = true;
    has_lost_ = true;
    hosts_.give_up();
    std::vector<node_id> lost;
    for (auto& [id, each] : nodes_) {
        if (each.agent) { // that thread is in it
            os::abandon(std::move(each.agent));
            lost.push_back(id);
        }
    }
    for (const auto id : lost) {
        remove(id);
    }
    tell_if_nobody_comes();
    tell_whether_up(std::make_exception_ptr(cannot_start(std::errc::timed_out, why)));
    until_the_end();
}

void cluster::start() {
    if (this_role() == role::root_of_ranks) {
        start_mpi();
        const auto ranks = session_->all_ranks();
        for (int rank = 1; rank != ranks.size(); ++rank) {
            add_node({.agent = std::make_unique<peer>(ranks, rank), .name = "rank " + std::to_string(rank)});
        }
        if (is_started_in_two_ways()) {
            throw cannot_start(std::errc::invalid_argument,
                               "mpirun has started this program as several ranks, and " +
                                   std::string(hosts_variable) +
                                   " says that it is to start agents itself; it can be one of these");
        }
    }
    own_build_ = os::build_id_of_program();
    if (own_build_.empty()) {
        throw cannot_start(std::errc::not_supported,
                           "this program has no build-id, by which nodes are compared; "
                           "link it with -Wl,--build-id");
    }
    if (this_role() == role::root_of_hosts) {
        hosts_.read(std::getenv(hosts_variable));
        start_mpi();
        for (std::size_t place = 0; place != hosts_.size() && !refusal_ && !end_; ++place) {
            start_agent(place);
            take_a_turn(); // those before it are to hear of this process
        }
    } else {
        node own;
        own.host = std::make_unique<node_host>([this, here = last_node_](node_message message) {
            mailbox_.post(from_own_node{.from = here, .message = std::move(message)});
        });
        own.hello = hello_of_this_process();
        add_node(std::move(own));
    }
    expected_ = std::max(nodes_.size(), hosts_.size());
}

/// Where MPI is the program's, it ends the agents before MPI.
void cluster::start_mpi() {
    mpi_watch::of_this_process().start([this] { go_on_without_mpi(); });
    session_.emplace();
    if (session_->is_the_programs()) {
        mpi_session::before_end(
            [](void* self) { static_cast<cluster*>(self)->end_with_program(EXIT_SUCCESS, true); }, this);
    }
}

void cluster::add_node(node added) {
    nodes_.emplace(last_node_++, std::move(added));
}

void cluster::start_agent(std::size_t place) {
    add_node({.agent = std::make_unique<peer>(hosts_.start_agent(place), 0),
              .name = "the agent on " + hosts_.name(place),
              .place = place});
}

void cluster::wait_for_hellos() {
    take_turns_until(steady_time::max(), [this] {
        return refusal_ || end_ ||
               std::ranges::all_of(nodes_, [](const auto& each) { return each.second.hello.has_value(); });
    });
    if (refusal_) {
        std::rethrow_exception(refusal_);
    }
}

/// Has all nodes end their pools, and then all agents end; whether they have heard of it, and end MPI
/// together with this process. Only ranks do that, and a dead one would keep the others from it. Agents that
/// were started one by one just go, and MPI with them.
bool cluster::say_goodbye(const end& order) {
    hosts_.give_up();
    for (auto& [id, each] : nodes_) {
        if (each.agent) {
            each.agent->send_at_once({.kind = message_kind::leave});
        } else {
            each.host->post({.kind = message_kind::leave});
        }
    }
    const bool have_left = take_turns_until(last_turn_ + longest_leave, [this] {
        return std::ranges::all_of(nodes_, [](const auto& each) { return each.second.has_left; });
    });
    const bool is_ours = session_ && (!session_->is_the_programs() || order.mpi_ends_now);
    const bool together = this_role() == role::root_of_ranks && is_ours && have_left && !has_lost_ &&
                          !nodes_.empty() && nodes_.size() == expected_;
    for (auto& [id, each] : nodes_) {
        if (each.agent) {
            each.agent->send_at_once({.kind = message_kind::bye, .content = content_of_values(together)});
        }
    }
    const auto deadline = std::chrono::steady_clock::now() + longest_goodbye;
    const bool have_heard = take_turns_until(deadline, [this] {
        return std::ranges::all_of(
            nodes_, [](const auto& each) { return !each.second.agent || each.second.agent->is_quiet(); });
    });
    return together && have_heard && !has_lost_;
}

/// What pools there are have no nodes any more, and their tasks fail.
void cluster::leave(const end& order) {
    const bool together = say_goodbye(order);
    remove_all();
    for (auto& any : mailbox_.close()) {
        if (auto* late = std::get_if<new_user>(&any)) {
            late->told->set_exception(std::make_exception_ptr(
                cannot_start(std::errc::operation_canceled, "the program is at its end")));
        }
    }
    const bool is_the_programs = session_ && session_->is_the_programs();
    if (is_without_mpi_ && !is_the_programs) { // to go through the rest of the exit might wait for MPI
        std::fflush(nullptr);
        std::_Exit(order.exit_code);
    }
    if (this_role() != role::root_of_ranks || !session_ || is_the_programs) {
        return;
    }
    if (together) {
        session_->finalize();
    } else {
        session_->abort(order.exit_code);
    }
}

} // namespace multiprocessing::detail
