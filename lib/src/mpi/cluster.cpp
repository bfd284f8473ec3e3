// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/cluster.hpp"

#include "os/modules.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "start/log.hpp"
#include "wire/frame.hpp"

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

/// A node that says nothing for so long is lost: ten heartbeats.
constexpr std::chrono::seconds longest_silence{1};
/// When this thread has not looked for so long itself, the silence of others says nothing.
constexpr std::chrono::milliseconds longest_turn{300};
/// From the start of an agent to its hello: a program that loads slowly, on a machine that is busy.
constexpr std::chrono::seconds longest_start{20};
/// How often the clock is looked at.
constexpr std::chrono::milliseconds tick{10};
/// Agents are told to leave, and then not waited for for longer.
constexpr std::chrono::seconds longest_leave{1};
/// Chunks that are received between two looks at other things.
constexpr int most_in_a_turn = 8;

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
    begun.is_up.get();
    return *begun.instance;
}

cluster::cluster() = default;

void cluster::end_with_program(int exit_code, bool mpi_ends_now) {
    if (!maker_.is_this_process() || !thread_.joinable()) {
        return;
    }
    mailbox_.post(end{.exit_code = exit_code, .with_ranks = mpi_ends_now});
    thread_.join();
}

void cluster::add(std::uint32_t pool, std::shared_ptr<cluster_user> user) {
    std::promise<void> told;
    const auto is_told = told.get_future();
    mailbox_.post(new_user{.pool = pool, .user = std::move(user), .told = &told});
    is_told.wait();
}

void cluster::post(node_id to, node_message message) {
    mailbox_.post(to_node{.to = to, .message = std::move(message)});
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
    while (!end_) {
        if (take_a_turn()) {
            pace_.something_came(last_turn_);
        }
        const bool is_busy =
            std::ranges::any_of(users_, [](const auto& each) { return each.second->is_busy(); });
        if (const auto rest = pace_.rest_until(last_turn_, is_busy); rest > last_turn_) {
            mailbox_.sleep_until(rest);
        }
    }
    leave(*end_);
}

void cluster::start() {
    own_build_ = os::build_id_of_program();
    if (own_build_.empty()) {
        throw cannot_start(std::errc::not_supported,
                           "this program has no build-id, by which nodes are compared; "
                           "link it with -Wl,--build-id");
    }
    switch (this_role()) {
    case role::root_of_ranks:
        start_mpi();
        lines_.push_back(session_->all_ranks());
        for (int rank = 1; rank != lines_.front().size(); ++rank) {
            node added;
            added.agent = std::make_unique<peer>(lines_.front(), rank);
            added.rank = rank;
            add_node(std::move(added));
        }
        break;
    case role::root_of_hosts: {
        hosts_ = read_hosts(std::getenv(hosts_variable));
        if (const auto why = why_unreachable(hosts_); !why.empty()) {
            throw cannot_start(std::errc::host_unreachable, why);
        }
        start_mpi();
        for (std::size_t place = 0; place != hosts_.size(); ++place) {
            start_agent(place);
        }
        expected_ = hosts_.size();
        return;
    }
    case role::only_node:
    case role::agent:
        break;
    }
    const auto here = last_node_;
    node own;
    own.host = std::make_unique<node_host>([this, here](node_message message) {
        mailbox_.post(from_own_node{.from = here, .message = std::move(message)});
    });
    own.hello = hello_of_this_process();
    add_node(std::move(own));
    expected_ = nodes_.size();
}

void cluster::start_mpi() {
    session_.emplace();
    if (session_->is_the_programs()) {
        mpi_session::before_end([](void* self) { static_cast<cluster*>(self)->end_with_program(0, true); },
                                this);
    }
}

void cluster::add_node(node added) {
    nodes_.emplace(last_node_++, std::move(added));
}

void cluster::start_agent(std::size_t place) {
    lines_.push_back(spawn_agent(hosts_[place], lines_.empty() ? hosts_ : std::vector<agent_host>{}));
    node added;
    added.agent = std::make_unique<peer>(lines_.back(), 0);
    added.line = lines_.size() - 1;
    added.place = place;
    add_node(std::move(added));
}

void cluster::wait_for_hellos() {
    const auto deadline = std::chrono::steady_clock::now() + longest_start;
    const auto silent = [&] {
        return std::ranges::find_if(nodes_, [](const auto& each) { return !each.second.hello; });
    };
    while (silent() != nodes_.end()) {
        if (!take_a_turn()) {
            mailbox_.sleep_until(last_turn_ + std::chrono::milliseconds(1));
        }
        if (refusal_) {
            std::rethrow_exception(refusal_);
        }
        if (last_turn_ > deadline) {
            const auto& who = silent()->second;
            throw cannot_start(std::errc::timed_out,
                               "no hello from " + (hosts_.empty()
                                                       ? "rank " + std::to_string(who.rank)
                                                       : "the agent on " + hosts_[who.place].name));
        }
    }
}

/// Whether anything has moved.
bool cluster::take_a_turn() {
    const auto now = std::chrono::steady_clock::now();
    if (now - last_turn_ > longest_turn) {
        for (auto& [id, each] : nodes_) {
            if (each.agent) {
                each.agent->excuse(now);
            }
        }
    }
    last_turn_ = now;
    auto commands = mailbox_.take();
    for (auto& any : commands) {
        std::visit([this](auto& one) { perform(one); }, any);
    }
    bool moved = !commands.empty();
    std::vector<node_id> lost;
    for (auto& [id, each] : nodes_) {
        try {
            moved |= each.agent && each.agent->advance(now);
        } catch (const boost::mpi::exception&) {
            lost.push_back(id);
        }
    }
    std::ranges::for_each(lost, [this](node_id id) { lose(id); });
    moved |= receive(now);
    if (now - last_tick_ >= tick) {
        last_tick_ = now;
        look_for_silence(now);
        fill_vacancies();
        for (const auto& [pool, user] : users_) {
            user->look_at_the_clock(now);
        }
        std::erase_if(users_, [](const auto& each) { return each.second->is_over(); });
    }
    return moved;
}

void cluster::perform(to_node& order) {
    const auto found = nodes_.find(order.to);
    if (found == nodes_.end()) {
        return; // whoever sends it has been told, or will be
    }
    if (found->second.host) {
        found->second.host->obey(std::move(order.message));
    } else {
        found->second.agent->send(std::move(order.message));
    }
}

void cluster::perform(from_own_node& order) {
    handle(order.from, std::move(order.message));
}

void cluster::perform(new_user& order) {
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
}

void cluster::perform(end& order) {
    end_ = order;
}

bool cluster::receive(steady_time now) {
    bool any = false;
    for (std::size_t line = 0; line != lines_.size(); ++line) {
        for (int received = 0; received != most_in_a_turn; ++received) {
            try {
                const auto chunk = receiver_.receive(lines_[line]);
                if (chunk.rank < 0) {
                    break;
                }
                any = true;
                const auto from = std::ranges::find_if(nodes_, [&](const auto& each) {
                    return each.second.agent && each.second.line == line && each.second.rank == chunk.rank;
                });
                if (from == nodes_.end()) {
                    continue; // it has been given up
                }
                const auto id = from->first;
                try {
                    from->second.agent->received(
                        chunk.content, now, [&](node_message&& message) { handle(id, std::move(message)); });
                } catch (const nonsense_received&) {
                    lose(id);
                } catch (const decode_failed&) {
                    lose(id);
                }
            } catch (const boost::mpi::exception&) {
                break; // of a line whose other end is dead: its silence is going to be noticed
            }
        }
    }
    return any;
}

void cluster::handle(node_id from, node_message&& message) {
    if (message.kind == message_kind::hello) {
        greet(from, message);
    } else if (const auto user = users_.find(message.pool); user != users_.end()) {
        user->second->received(from, std::move(message));
    }
}

void cluster::greet(node_id from, const node_message& message) {
    auto hello = decode<node_hello>(message.content.bytes());
    auto& greeted = nodes_.at(from);
    if (hello.protocol != node_hello::expected_protocol || hello.build_id != own_build_) {
        refusal_ = std::make_exception_ptr(
            cannot_start(std::errc::executable_format_error,
                         "host " + hello.host +
                             " runs another build of this program: install the same one "
                             "everywhere, or have it in a shared folder"));
        if (!is_starting_) {
            lose(from);
        }
        return;
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

void cluster::lose(node_id lost) {
    const auto found = nodes_.find(lost);
    if (found == nodes_.end()) {
        return;
    }
    const auto gone = std::move(found->second);
    nodes_.erase(found);
    has_lost_ = true;
    note(log_level::warning, [&] {
        return "node " + std::to_string(lost) + (gone.hello ? " on " + gone.hello->host : "") + " is lost";
    });
    if (!hosts_.empty() && are_replaced_) {
        vacancies_.push_back(gone.place);
    }
    for (const auto& [pool, user] : users_) {
        user->node_went(lost);
        if (nobody_comes()) {
            user->nobody_comes();
        }
    }
}

void cluster::look_for_silence(steady_time now) {
    std::vector<node_id> silent;
    for (const auto& [id, each] : nodes_) {
        const auto patience = each.hello ? longest_silence : longest_start;
        if (each.agent && now - each.agent->last_heard() > patience) {
            silent.push_back(id);
        }
    }
    std::ranges::for_each(silent, [this](node_id id) { lose(id); });
}

/// Starts agents where others are lost, one in a turn: MPI holds this thread up meanwhile. Open MPI tells all
/// its daemons of a start, and ends the whole job if it cannot. So when one of them is gone, a host is lost
/// with its daemon, nobody is replaced any more.
void cluster::fill_vacancies() {
    if (is_starting_ || vacancies_.empty()) {
        return;
    }
    if (!unreachable_.valid()) { // found out elsewhere, since it takes its time
        unreachable_ = std::async(std::launch::async, [hosts = hosts_] { return why_unreachable(hosts); });
    }
    if (unreachable_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
        return;
    }
    auto why = unreachable_.get();
    if (why.empty()) {
        try {
            start_agent(vacancies_.back());
            vacancies_.pop_back();
            return;
        } catch (const boost::mpi::exception& e) {
            why = e.what();
        }
    }
    note(log_level::warning, [&] { return "nodes that are lost are not replaced any more: " + why; });
    are_replaced_ = false;
    vacancies_.clear();
    for (const auto& [pool, user] : users_) {
        if (nobody_comes()) {
            user->nobody_comes();
        }
    }
}

void cluster::leave(const end& order) {
    // Ranks end MPI all together, which a dead one keeps them from. Agents that were started one by one just
    // go, and MPI with them.
    const bool is_program_s = session_ && session_->is_the_programs();
    const bool together =
        this_role() == role::root_of_ranks && !has_lost_ && (!is_program_s || order.with_ranks);
    const auto deadline = std::chrono::steady_clock::now() + longest_leave;
    for (auto& [id, each] : nodes_) {
        each.host.reset();
        if (each.agent) {
            each.agent->send({.kind = message_kind::leave, .content = content_of_values(together)});
        }
    }
    try {
        const auto is_quiet = [&] {
            return std::ranges::all_of(
                nodes_, [](const auto& each) { return !each.second.agent || each.second.agent->is_quiet(); });
        };
        while (!is_quiet() && std::chrono::steady_clock::now() < deadline) {
            for (auto& [id, each] : nodes_) {
                if (each.agent && !each.agent->is_quiet()) {
                    each.agent->advance(std::chrono::steady_clock::now());
                }
            }
            std::this_thread::sleep_for(std::chrono::microseconds(100));
        }
        if (this_role() != role::root_of_ranks || !session_ || is_program_s) {
            return;
        }
        if (together) {
            session_->finalize();
        } else {
            session_->abort(order.exit_code);
        }
    } catch (const boost::mpi::exception&) { // somebody is dead whom nobody has missed yet
    }
}

} // namespace multiprocessing::detail
