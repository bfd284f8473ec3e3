// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/cluster.hpp"

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

/// When this thread has not looked for so long itself, the silence of others meanwhile says nothing.
constexpr std::chrono::milliseconds longest_turn{300};
/// How often the clock is looked at.
constexpr std::chrono::milliseconds tick{10};
/// An agent that was there for so long was not lost because of how it was started.
constexpr std::chrono::seconds lasting{1};
/// No machine has so many CPUs.
constexpr std::uint64_t most_cpus = std::uint64_t{1} << 16;

} // namespace

void cluster::node::send(node_message message) {
    if (host) {
        host->post(std::move(message));
    } else {
        agent->send(std::move(message));
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
        hosts_.agent_came(greeted.place, static_cast<long>(hello.parent));
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
    if (!hosts_.empty()) {
        hosts_.agent_went(gone.place, gone.hello && last_turn_ - gone.since > lasting, last_turn_);
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
    hosts_.give_up();
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

/// Starts agents where others are lost, one in a turn: MPI holds this thread up meanwhile.
void cluster::fill_vacancies(steady_time now) {
    if (is_starting_ || hosts_.are_settled()) {
        return;
    }
    if (const auto place = hosts_.next_due(now)) {
        try {
            start_agent(*place);
        } catch (const std::exception& e) {
            note(log_level::warning, [&] { return e.what(); });
            hosts_.agent_went(*place, false, now);
        }
    }
    tell_if_nobody_comes();
}

} // namespace multiprocessing::detail
