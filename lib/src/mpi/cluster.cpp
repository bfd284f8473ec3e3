// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/cluster.hpp"

#include "os/modules.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "start/log.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <boost/mpi/exception.hpp>
#include <cstdlib>
#include <mpi.h>
#include <ranges>
#include <string>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// A node that says nothing for so long is lost, unless the environment asks for more: ten heartbeats.
constexpr std::chrono::seconds least_longest_silence{1};
constexpr const char* silence_variable = "MULTIPROCESSING_NODE_SILENCE";
/// When this thread has not looked for so long itself, the silence of others meanwhile says nothing.
constexpr std::chrono::milliseconds longest_turn{300};
/// How often the clock is looked at.
constexpr std::chrono::milliseconds tick{10};
/// At the program's end nodes get so long to end their pools, and then so long to hear that it is over.
constexpr std::chrono::seconds longest_leave{10};
constexpr std::chrono::seconds longest_goodbye{1};
/// An agent that was there for so long was not lost because of how it was started.
constexpr std::chrono::seconds lasting{1};
/// A host whose agents do not last gets another one after so long, doubled each time, and in the end none.
constexpr std::chrono::milliseconds first_back_off{100};
constexpr std::size_t most_failures = 8;
/// No machine has so many CPUs.
constexpr std::uint64_t most_cpus = std::uint64_t{1} << 16;

std::chrono::seconds silence_in_environment() {
    const char* text = std::getenv(silence_variable);
    const auto seconds = std::chrono::seconds(text == nullptr ? 0 : std::strtol(text, nullptr, 10));
    return std::max(seconds, least_longest_silence);
}

start_failed cannot_start(std::errc reason, const std::string& what) {
    return {std::make_error_code(reason), "cannot start an mpi_pool: " + what};
}

} // namespace

/// The cluster, and whether it is up.
struct cluster::beginning {
    cluster* instance = new cluster; // never destroyed: the program's exit ends it
    std::shared_future<void> is_up;

    beginning() {
        std::promise<void> up;
        is_up = up.get_future().share();
        const os::signals_blocked signals_are_for_the_programs_threads;
        instance->thread_ = std::thread(
            [all = instance, promise = std::move(up)]() mutable { all->run(std::move(promise)); });
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
    if (!maker_.is_this_process() || !thread_.joinable()) {
        return;
    }
    mailbox_.post(end{.exit_code = exit_code, .mpi_ends_now = mpi_ends_now});
    thread_.join();
}

void cluster::add(std::uint32_t pool, std::shared_ptr<cluster_user> user) {
    std::promise<void> told;
    auto is_told = told.get_future();
    if (!mailbox_.post(new_user{.pool = pool, .user = std::move(user), .told = &told})) {
        throw cannot_start(std::errc::operation_canceled, "the program is at its end");
    }
    is_told.get();
}

void cluster::node::send(node_message message) {
    if (host) {
        host->post(std::move(message));
    } else {
        agent->send(std::move(message));
    }
}

void cluster::run(std::promise<void> is_up) {
    os::set_process_name("mp-mpi");
    os::be_on_time();
    try {
        start();
        wait_for_hellos();
        is_starting_ = false;
        is_up.set_value();
    } catch (const start_failed&) {
        is_up.set_exception(std::current_exception());
    } catch (const std::exception& e) {
        is_up.set_exception(std::make_exception_ptr(cannot_start(std::errc::io_error, e.what())));
    }
    take_turns_until(steady_time::max(), [this] { return end_.has_value(); });
    leave(*end_);
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
        hosts_ = read_hosts(std::getenv(hosts_variable));
        if (const auto why = why_unreachable(hosts_); !why.empty()) {
            throw cannot_start(std::errc::host_unreachable, why);
        }
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
    const auto& host = hosts_[place];
    const bool is_the_first = last_node_ == 0;
    try {
        const auto line = spawn_agent(host, is_the_first ? hosts_ : std::vector<agent_host>{});
        add_node(
            {.agent = std::make_unique<peer>(line, 0), .name = "the agent on " + host.name, .place = place});
    } catch (const boost::mpi::exception& e) {
        throw cannot_start(std::errc::io_error, "no agent on " + host.name + ": " + e.what());
    }
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

/// Whether it is done. As a last resort, when it is not known any more what nodes have been told, all are
/// given up.
bool cluster::take_turns_until(steady_time deadline, const std::function<bool()>& is_done) {
    while (!is_done()) {
        if (last_turn_ > deadline) {
            return false;
        }
        try {
            if (take_a_turn()) {
                pace_.something_came(last_turn_);
            }
        } catch (const std::exception& e) {
            note(log_level::error, [&] { return std::string("all nodes are given up: ") + e.what(); });
            has_lost_ = true;
            remove_all();
        }
        const bool is_busy =
            std::ranges::any_of(users_, [](const auto& each) { return each.second->is_busy(); });
        if (const auto rest = pace_.rest_until(last_turn_, is_busy); rest > last_turn_) {
            mailbox_.sleep_until(rest);
        }
    }
    return true;
}

/// Whether anything has moved.
bool cluster::take_a_turn() {
    const auto now = std::chrono::steady_clock::now();
    if (const auto length = now - last_turn_; length > longest_turn && last_turn_ != steady_time()) {
        for (auto& [id, each] : nodes_) {
            if (each.agent) {
                each.agent->excuse(length);
            }
        }
    }
    last_turn_ = now;
    auto commands = mailbox_.take();
    for (auto& any : commands) {
        std::visit([this](auto& one) { perform(one); }, any);
    }
    const bool moved = exchange(now) || !commands.empty();
    if (now - last_tick_ >= tick) {
        last_tick_ = now;
        look_for_silence(now);
        fill_vacancies(now);
        for (const auto& [pool, user] : users_) {
            user->look_at_the_clock(now);
        }
        std::erase_if(users_, [](const auto& each) { return each.second->is_over(); });
    }
    return moved;
}

void cluster::perform(to_node& order) {
    const auto found = nodes_.find(order.to);
    if (found != nodes_.end()) { // else whoever sends it has been told, or will be
        found->second.send(std::move(order.message));
    }
}

void cluster::perform(from_own_node& order) {
    if (nodes_.contains(order.from)) {
        handle(order.from, std::move(order.message));
    }
}

void cluster::perform(new_user& order) {
    try {
        users_.emplace(order.pool, order.user);
        for (const auto& [id, each] : nodes_) {
            if (each.hello) {
                order.user->node_came(id, *each.hello);
            }
        }
        if (nobody_comes()) {
            order.user->nobody_comes();
        }
        order.told->set_value();
    } catch (const std::exception&) {
        users_.erase(order.pool);
        order.told->set_exception(std::current_exception());
    }
}

void cluster::perform(end& order) {
    end_ = order;
}

/// Sends and receives. Whether anything has moved.
bool cluster::exchange(steady_time now) {
    bool moved = false;
    std::vector<std::pair<node_id, std::string>> lost;
    for (auto& [id, each] : nodes_) {
        if (!each.agent) {
            continue;
        }
        try {
            moved |= each.agent->advance(now);
            moved |= each.agent->receive(
                now, [&, from = id](node_message&& message) { handle(from, std::move(message)); });
        } catch (const std::exception& e) { // its end is broken, or talks nonsense, or too much
            lost.emplace_back(id, e.what());
        }
    }
    for (const auto& [id, why] : lost) {
        lose(id, why);
    }
    return moved;
}

void cluster::handle(node_id from, node_message&& message) {
    if (message.kind == message_kind::hello) {
        greet(from, message);
    } else if (message.kind == message_kind::left) {
        nodes_.at(from).has_left = true;
    } else if (const auto user = users_.find(message.pool); user != users_.end()) {
        user->second->received(from, std::move(message));
    }
}

/// Throws `decode_failed` when it is not to be a node.
void cluster::greet(node_id from, const node_message& message) {
    auto hello = decode<node_hello>(message.content.bytes());
    auto& greeted = nodes_.at(from);
    if (hello.protocol != node_hello::expected_protocol || hello.build_id != own_build_) {
        const auto why = "host " + hello.host +
                         " runs another build of this program: install the same one everywhere, or have it "
                         "in a shared folder";
        refusal_ = std::make_exception_ptr(cannot_start(std::errc::executable_format_error, why));
        throw decode_failed(why);
    }
    if (greeted.hello || hello.cpus == 0 || hello.cpus > most_cpus) {
        throw decode_failed("it says hello a second time, or has no CPUs, or too many");
    }
    note(log_level::info, [&] { return "node " + std::to_string(from) + " is on " + hello.host; });
    if (!hosts_.empty()) {
        hosts_[greeted.place].daemon = static_cast<long>(hello.parent);
    }
    greeted.hello = std::move(hello);
    for (const auto& [pool, user] : users_) {
        user->node_came(from, *greeted.hello);
    }
}

void cluster::lose(node_id lost, const std::string& why) {
    const auto found = nodes_.find(lost);
    if (found == nodes_.end()) {
        return;
    }
    auto& gone = found->second;
    note(log_level::warning, [&] {
        return "node " + std::to_string(lost) + (gone.hello ? " on " + gone.hello->host : "") +
               " is lost: " + why;
    });
    has_lost_ = true;
    if (is_starting_ && !refusal_) {
        refusal_ = std::make_exception_ptr(
            cannot_start(std::errc::host_unreachable, gone.name + " is lost: " + why));
    }
    if (!hosts_.empty() && are_replaced_) {
        const bool did_last = gone.hello && last_turn_ - gone.since > lasting;
        hosts_[gone.place].failures = did_last ? 0 : hosts_[gone.place].failures + 1;
        vacate(gone.place);
    }
    if (gone.agent) { // it may be alive after all
        try {
            gone.agent->send_at_once({.kind = message_kind::bye, .content = content_of_values(false)});
            gone.agent->advance(last_turn_);
        } catch (const std::exception&) { // it is not
        }
    }
    remove(lost);
}

void cluster::remove(node_id gone) {
    nodes_.erase(gone);
    for (const auto& [pool, user] : users_) {
        user->node_went(gone);
    }
    tell_if_nobody_comes();
}

/// And none will come.
void cluster::remove_all() {
    are_replaced_ = false;
    vacancies_.clear();
    while (!nodes_.empty()) {
        remove(nodes_.begin()->first);
    }
    tell_if_nobody_comes();
}

void cluster::tell_if_nobody_comes() {
    if (nobody_comes()) {
        for (const auto& [pool, user] : users_) {
            user->nobody_comes();
        }
    }
}

void cluster::look_for_silence(steady_time now) {
    std::vector<node_id> silent;
    for (const auto& [id, each] : nodes_) {
        const auto patience = each.hello ? longest_silence_ : longest_start;
        if (each.agent && now - each.agent->last_heard() > patience) {
            silent.push_back(id);
        }
    }
    for (const auto id : silent) {
        const auto patience = nodes_.at(id).hello ? longest_silence_ : longest_start;
        lose(id, "nothing has been heard of it for " + std::to_string(patience.count()) + " s");
    }
}

void cluster::vacate(std::size_t place) {
    const auto& host = hosts_[place];
    if (host.failures > most_failures) {
        note(log_level::warning, [&] { return "no more agents are started on " + host.name; });
        return;
    }
    const auto back_off =
        host.failures == 0 ? std::chrono::milliseconds(0) : first_back_off * (1 << (host.failures - 1));
    vacancies_.push_back({.place = place, .due = last_turn_ + back_off});
}

/// Starts agents where others are lost, one in a turn: MPI holds this thread up meanwhile. Open MPI tells all
/// its daemons of a start, and ends the whole job if it cannot. So when one of them is gone, a host is lost
/// with its daemon, nobody is replaced any more.
void cluster::fill_vacancies(steady_time now) {
    const auto next = std::ranges::min_element(vacancies_, {}, &vacancy::due);
    if (is_starting_ || next == vacancies_.end() || next->due > now) {
        return;
    }
    try {
        if (!unreachable_.valid()) { // found out elsewhere, since it takes its time
            unreachable_ =
                std::async(std::launch::async, [hosts = hosts_] { return why_unreachable(hosts); });
        }
        if (unreachable_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
            return;
        }
        if (const auto why = unreachable_.get(); !why.empty()) {
            replace_nobody(why);
            return;
        }
    } catch (const std::exception& e) {
        replace_nobody(e.what());
        return;
    }
    const auto place = next->place;
    vacancies_.erase(next);
    try {
        start_agent(place);
    } catch (const std::exception& e) {
        note(log_level::warning, [&] { return e.what(); });
        ++hosts_[place].failures;
        vacate(place);
        tell_if_nobody_comes();
    }
}

void cluster::replace_nobody(const std::string& why) {
    note(log_level::warning, [&] { return "nodes that are lost are not replaced any more: " + why; });
    are_replaced_ = false;
    vacancies_.clear();
    tell_if_nobody_comes();
}

/// Has all nodes end their pools, and then all agents end; whether they have heard of it, and end MPI
/// together with this process. Only ranks do that, and a dead one would keep the others from it. Agents that
/// were started one by one just go, and MPI with them.
bool cluster::say_goodbye(const end& order) {
    are_replaced_ = false;
    vacancies_.clear();
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
    if (this_role() != role::root_of_ranks || !session_ || session_->is_the_programs()) {
        return;
    }
    if (together) {
        session_->finalize();
    } else {
        session_->abort(order.exit_code);
    }
}

} // namespace multiprocessing::detail
