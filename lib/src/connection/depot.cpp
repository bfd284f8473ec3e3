// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "connection/depot.hpp"

#include "os/copy.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "os/socket.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace multiprocessing::detail {
namespace {

/// How long whoever has connected may take to say what it wants, and how long to wait for an answer: both
/// are there within microseconds, unless a process is stopped.
constexpr std::chrono::seconds longest_silence{10};

void throw_out_of_reach(int error) {
    os::throw_refused(
        error, "a connection or writer on its way cannot be fetched from the process that sent it (has that "
               "ended, or was it on its way for too long?)");
}

} // namespace

/// Those who have connected, and not yet said what they want.
class depot::clients {
public:
    void add(os::descriptor connected) {
        waiting_.push_back({std::move(connected), deadline_after(longest_silence)});
    }
    /// Has them waited for, and remembers that.
    void add_to(os::poll_set& all) {
        for (auto& each : waiting_) {
            each.index = all.add(each.socket.get());
        }
    }
    [[nodiscard]] steady_time next_deadline() const {
        auto next = steady_time::max();
        for (const auto& each : waiting_) {
            next = std::min(next, each.deadline);
        }
        return next;
    }
    /// Calls `serve` with those that have said something. They go then, as do those who are silent.
    template <class Serve>
    void serve_ready(const os::poll_set& all, const Serve& serve) {
        const auto now = std::chrono::steady_clock::now();
        std::erase_if(waiting_, [&](const client& each) {
            const bool is_ready = all.is_readable(each.index);
            if (is_ready) {
                serve(each.socket.get());
            }
            return is_ready || each.deadline <= now;
        });
    }

private:
    struct client {
        os::descriptor socket;
        steady_time deadline;
        std::size_t index = 0;
    };
    std::vector<client> waiting_;
};

claim_check depot::leave(os::descriptor what, const claim_terms& terms) {
    const auto ticket = os::random_number();
    const std::lock_guard lock(mutex_);
    if (service_ == nullptr) {
        start_service();
    }
    service_->left.try_emplace(ticket, std::move(what), terms);
    os::set_flag(service_->changed.get());
    return {service_->entrance.address(), ticket};
}

void depot::withdraw(const claim_check& left) noexcept {
    const std::lock_guard lock(mutex_);
    if (service_ != nullptr && service_->entrance.address() == left.address &&
        service_->left.erase(left.ticket) != 0) {
        os::set_flag(service_->changed.get());
    }
}

void depot::start_service() {
    auto started = std::make_shared<service>();
    try {
        const os::signals_blocked signals_are_for_others;
        std::thread([this, started] {
            os::set_process_name("mp-depot");
            run(started);
        }).detach();
    } catch (const std::system_error& e) {
        os::throw_refused(e.code().value(), "cannot start a thread that passes descriptors on");
    }
    service_ = std::move(started);
}

void depot::run(const std::shared_ptr<service>& now) {
    clients connected;
    try {
        for (;;) {
            os::poll_set all;
            const auto changed = all.add(now->changed.get());
            connected.add_to(all);
            auto deadline = connected.next_deadline();
            now->entrance.add_to(all, deadline);
            {
                const std::lock_guard lock(mutex_);
                deadline = std::min(deadline, drop_overdue(*now));
                if (now->left.empty() && service_ == now) {
                    service_ = nullptr;
                    return;
                }
            }
            all.wait(deadline);
            connected.serve_ready(all, [&](int client) { serve(*now, client); });
            if (all.is_readable(changed)) {
                os::clear_flag(now->changed.get());
            }
            now->entrance.accept_all(all, [&](os::descriptor client) { connected.add(std::move(client)); });
        }
    } catch (const std::exception&) { // no memory: who wants something finds nobody here
        const std::lock_guard lock(mutex_);
        service_ = nullptr;
    }
}

steady_time depot::drop_overdue(service& now) {
    const auto time = std::chrono::steady_clock::now();
    std::erase_if(now.left, [&](const auto& each) { return each.second.terms.until <= time; });
    auto next = steady_time::max();
    for (const auto& [ticket, item] : now.left) {
        next = std::min(next, item.terms.until);
    }
    return next;
}

void depot::serve(service& now, int client) {
    std::uint64_t ticket = 0;
    const auto asked = os::receive_packet(client, std::as_writable_bytes(std::span(&ticket, 1)));
    if (asked.what != os::received_packet::type::packet || asked.size != sizeof ticket) {
        return;
    }
    const std::lock_guard lock(mutex_);
    const auto found = now.left.find(ticket);
    if (found == now.left.end()) {
        return; // who asks sees the end of the file
    }
    // Once it is sent the kernel has it, and closes it if the other is killed before it has received it.
    const auto sent = os::send_packet(client, std::as_bytes(std::span(&ticket, 1)), found->second.what.get());
    if (sent == os::delivery::done && found->second.terms.once) {
        now.left.erase(found);
    }
}

depot& own_depot() {
    return os::one_per_process<depot>();
}

os::descriptor fetch(const claim_check& left) {
    os::descriptor there;
    try {
        there = os::connect_to(left.address, deadline_after(longest_silence));
    } catch (const resource_error& e) {
        if (e.code() != std::errc::connection_refused) {
            throw;
        }
        throw_out_of_reach(ECONNREFUSED);
    }
    if (!os::is_of_this_user(there.get())) {
        throw_out_of_reach(EACCES);
    }
    std::array<std::byte, sizeof left.ticket> answer{};
    (void)os::send_packet(there.get(), std::as_bytes(std::span(&left.ticket, 1)));
    if (!os::wait_readable(there.get(), deadline_after(longest_silence))) {
        throw_out_of_reach(ETIMEDOUT);
    }
    auto received = os::receive_packet(there.get(), answer);
    if (received.lost) {
        os::throw_refused(EMFILE, "cannot receive a connection or the writer of a queue");
    }
    if (!received.carried) {
        throw_out_of_reach(ENOENT);
    }
    return os::descriptor(std::move(received.carried));
}

} // namespace multiprocessing::detail
