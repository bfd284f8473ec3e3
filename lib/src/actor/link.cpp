// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/link.hpp"

#include "actor/call_head.hpp"
#include "child/outcome.hpp"
#include "ipc/names.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "pool/checks.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/error.hpp>

#include <chrono>
#include <exception>
#include <system_error>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// As many as wait in the process that has the actor, when they are called there.
constexpr std::size_t most_calls = 1024;
/// How long connecting may take: the system does that, unless very many want it at once.
constexpr std::chrono::seconds longest_connecting{10};

/// No request has this id.
constexpr std::uint64_t nobody_there = 0;

payload loss_of(const std::string& what) {
    return outcome_of(std::make_exception_ptr(actor_lost(
        what + ": the process that made the actor has ended, or has destroyed its last handle to it")));
}

} // namespace

std::shared_ptr<actor_link> actor_link::connect(const std::string& address) {
    auto made = std::make_shared<actor_link>(only_by_connect());
    try {
        auto socket = os::connect_to(address, deadline_after(longest_connecting));
        auto there = open_maker_of(address.substr(1));
        if (os::is_of_this_user(socket.get()) && there) {
            made->socket_ = std::make_unique<os::unshared_descriptor>(std::move(socket));
            made->there_ = std::make_unique<os::unshared_descriptor>(std::move(there));
        }
    } catch (const resource_error& e) {
        if (e.code() != std::errc::connection_refused) {
            throw;
        }
    }
    if (made->socket_ == nullptr) {
        made->is_lost_ = true;
        return made;
    }
    try {
        const os::signals_blocked signals_are_for_the_programs_threads;
        std::thread receiver([made] { made->run(); });
        made->thread_ = receiver.get_id();
        receiver.detach();
    } catch (const std::system_error& e) {
        os::throw_refused(e.code().value(), "cannot start a thread that receives from an actor");
    }
    return made;
}

void actor_link::submit(call&& function, std::shared_ptr<completion> state, const task_options& options) {
    if (options.retry_if) {
        throw not_encodable(
            "a retry_if does not travel to the process that has the actor: let the call itself "
            "tell, or try again here");
    }
    refuse_if_stopped(options);
    bytes head;
    encoder out(head);
    call_head{options, function.function, function.takes_stop_token}.encode(out);
    send(packet_kind::call, {std::move(state), std::move(function.kept), std::move(function.function)},
         {head, function.encoded}, bound::most_calls, options.stop);
}

std::shared_ptr<completion> actor_link::ask(packet_kind what, const wait_limit& limit) {
    auto state = std::make_shared<completion>();
    send(what,
         {.state = state,
          .function = {.told = std::make_shared<const std::string>("there is no answer about an actor")}},
         {}, bound::none);
    if (!wait_for_one(state, limit)) {
        return nullptr;
    }
    state->wait_for_success();
    return state;
}

void actor_link::tell(packet_kind what, std::uint64_t id) {
    {
        const std::lock_guard lock(mutex_);
        if (is_lost_) {
            return;
        }
    }
    send(outgoing_packet(what, {}), id);
}

void actor_link::release() {
    const std::lock_guard lock(mutex_);
    is_released_ = true;
    if (under_way_.empty() && socket_ != nullptr) {
        os::shut_down(socket_->get()); // the thread sees the end
    }
}

bool actor_link::cancel(std::uint64_t id) {
    {
        const std::lock_guard lock(mutex_);
        if (!under_way_.contains(id)) {
            return false;
        }
    }
    tell(packet_kind::cancel, id);
    return true;
}

void actor_link::wait_for(std::uint64_t, const completion& waited) {
    waited.sleep();
}

void actor_link::send(packet_kind kind, request&& made, const value_bytes& content, bound bounded,
                      const std::stop_token& stop) {
    const outgoing_packet packet(kind, content);
    const auto id = begin(std::move(made), bounded, stop);
    if (id == nobody_there) {
        return;
    }
    try {
        send(packet, id);
    } catch (...) {
        (void)end(id);
        throw;
    }
}

void actor_link::send(const outgoing_packet& packet, std::uint64_t id) const {
    while (packet.send(socket_->get(), id) == os::delivery::no_room) { // it is read all the time
        os::poll_set both;
        both.add_writer(socket_->get());
        const auto process = both.add(there_->get());
        both.wait(steady_time::max());
        if (both.is_readable(process)) {
            break;
        }
    } // where nobody is any more the thread sees that as well
}

std::uint64_t actor_link::begin(request&& made, bound bounded, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    if (bounded == bound::most_calls && std::this_thread::get_id() != thread_ && // which makes the room
        !room_.wait(lock, stop, [&] { return is_lost_ || under_way_.size() < most_calls; })) {
        throw wait_stopped("a wait for room for an actor's call was asked to stop");
    }
    if (is_lost_) {
        lock.unlock();
        fail(std::move(made));
        return nobody_there;
    }
    const auto id = ++last_id_;
    made.state->bind(0, weak_from_this(), id);
    under_way_.emplace(id, std::move(made));
    return id;
}

void actor_link::run() {
    os::set_process_name("mp-actor-link");
    try {
        receive_all();
    } catch (const std::exception&) { // nonsense, or no memory
    }
    lose();
}

void actor_link::receive_all() {
    for (;;) {
        os::poll_set both;
        both.add(socket_->get());
        const auto process = both.add(there_->get());
        both.wait(steady_time::max());
        // Somebody's copy of that process may hold the other end; what it has sent is here by now.
        const bool has_ended = both.is_readable(process);
        incoming_packet packet;
        for (auto came = receiver_.receive(socket_->get(), packet);
             came != os::received_packet::type::nothing; came = receiver_.receive(socket_->get(), packet)) {
            if (came == os::received_packet::type::end) {
                return;
            }
            take(std::move(packet));
        }
        if (has_ended) {
            return;
        }
    }
}

void actor_link::take(incoming_packet&& packet) {
    if (packet.kind == packet_kind::printed && !packet.lost) {
        const auto text = packet.content.bytes();
        const std::lock_guard lock(mutex_);
        const auto found = under_way_.find(packet.id);
        if (found != under_way_.end()) {
            found->second.state->printed({reinterpret_cast<const char*>(text.data()), text.size()});
        }
    } else if (packet.kind == packet_kind::outcome) {
        if (auto done = end(packet.id)) {
            complete(std::move(*done), packet.lost ? outcome_of(packet.lost) : std::move(packet.content));
        }
    }
}

/// Empty when there is none of that id, or no more.
std::optional<actor_link::request> actor_link::end(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    auto ended = under_way_.extract(id);
    if (ended.empty()) {
        return std::nullopt;
    }
    room_.notify_one();
    if (is_released_ && under_way_.empty()) {
        os::shut_down(socket_->get());
    }
    return std::move(ended.mapped());
}

void actor_link::lose() {
    os::shut_down(socket_->get()); // who waits for room is woken
    std::map<std::uint64_t, request> lost;
    {
        const std::lock_guard lock(mutex_);
        is_lost_ = true;
        lost.swap(under_way_);
        room_.notify_all();
    }
    for (auto& [id, each] : lost) {
        fail(std::move(each));
    }
}

void actor_link::fail(request&& lost) {
    auto outcome = loss_of(lost.function.text());
    complete(std::move(lost), std::move(outcome));
}

void actor_link::complete(request&& done, payload outcome) {
    done.kept.clear(); // first: who has the result can rely on it
    done.state->deliver(0, std::move(outcome));
    done.state->part_is_complete();
}

} // namespace multiprocessing::detail
