// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/agent_hosts.hpp"

#include "mpi/start.hpp"
#include "start/log.hpp"

#include <algorithm>
#include <boost/mpi/exception.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// A host whose agents do not last gets another one after so long, doubled each time, and in the end none.
constexpr std::chrono::milliseconds first_back_off{100};
constexpr std::size_t most_failures = 8;

} // namespace

void agent_hosts::read(const std::string& path) {
    hosts_ = read_hosts(path);
    if (const auto why = why_unreachable(hosts_); !why.empty()) {
        throw cannot_start(std::errc::host_unreachable, why);
    }
}

boost::mpi::communicator agent_hosts::start_agent(std::size_t place) {
    const auto& host = hosts_[place];
    const bool is_the_first = !std::exchange(has_started_any_, true);
    try {
        return spawn_agent(host, is_the_first ? hosts_ : std::vector<agent_host>{});
    } catch (const boost::mpi::exception& e) {
        throw cannot_start(std::errc::io_error, "no agent on " + host.name + ": " + e.what());
    }
}

void agent_hosts::agent_went(std::size_t place, bool has_lasted, steady_time now) {
    if (!are_replaced_) {
        return;
    }
    auto& host = hosts_[place];
    host.failures = has_lasted ? 0 : host.failures + 1;
    if (host.failures > most_failures) {
        note(log_level::warning, [&] { return "no more agents are started on " + host.name; });
        return;
    }
    const auto back_off =
        host.failures == 0 ? std::chrono::milliseconds(0) : first_back_off * (1 << (host.failures - 1));
    vacancies_.push_back({.place = place, .due = now + back_off});
}

std::optional<std::size_t> agent_hosts::next_due(steady_time now) {
    const auto next = std::ranges::min_element(vacancies_, {}, &vacancy::due);
    if (next == vacancies_.end() || next->due > now || !have_their_daemons()) {
        return std::nullopt;
    }
    const auto place = next->place;
    vacancies_.erase(next);
    return place;
}

/// Whether that is known. Found out elsewhere, since it takes its time; when one is gone all is given up.
bool agent_hosts::have_their_daemons() {
    std::string why;
    try {
        if (!unreachable_.valid()) {
            unreachable_ =
                std::async(std::launch::async, [hosts = hosts_] { return why_unreachable(hosts); });
        }
        if (unreachable_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
            return false;
        }
        why = unreachable_.get();
    } catch (const std::exception& e) {
        why = e.what();
    }
    if (!why.empty()) {
        note(log_level::warning, [&] { return "nodes that are lost are not replaced any more: " + why; });
        give_up();
    }
    return why.empty();
}

void agent_hosts::give_up() {
    are_replaced_ = false;
    vacancies_.clear();
}

} // namespace multiprocessing::detail
