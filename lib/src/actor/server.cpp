// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/server.hpp"

#include "actor/call_head.hpp"
#include "child/outcome.hpp"
#include "ipc/names.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// How long those who have called get to take what is left for them: each has a thread that does nothing
/// else.
constexpr std::chrono::seconds longest_farewell{1};
/// When this process has no descriptor for one more that wants to connect: time for something to be closed.
constexpr std::chrono::milliseconds until_there_may_be_room{50};
/// So many requests of one client, then others have their turn.
constexpr int most_in_a_turn = 64;
/// What is larger is copied and sent by the server's thread: the one that completes calls has others to look
/// after.
constexpr std::size_t most_at_once = std::size_t{16} << 10;

template <class T>
payload value_outcome(const T& value) {
    bytes encoded;
    put_value(std::as_bytes(std::span(&value, 1)), encoded);
    return copy_of(encoded);
}

payload failure_outcome(const std::exception_ptr& why) {
    bytes encoded;
    put_exception(why, encoded);
    return copy_of(encoded);
}

} // namespace

/// A process that has connected. Thread-safe, but for what is the server's thread's own.
class actor_server::client {
public:
    /// `wake` is set when something is left to be sent.
    client(os::descriptor socket, int wake) : socket_(std::move(socket)), wake_(wake) {}

    // The thread's own.

    /// Has it waited for.
    void add_to(os::poll_set& all) {
        index_ = all.add(socket_.get());
        if (has_answers()) {
            all.add_writer(socket_.get());
        }
    }
    [[nodiscard]] bool has_come(const os::poll_set& all) const { return all.is_readable(index_); }
    os::received_packet::type receive(incoming_packet& packet) {
        return receiver_.receive(socket_.get(), packet);
    }

    /// Nothing is received or sent any more, whoever else has the socket: calls that are not complete, and
    /// somebody's copy of this process.
    void hang_up() const noexcept { os::shut_down(socket_.get()); }

    /// Throws `nonsense_received` when there is one of that id.
    void has_called(std::uint64_t id, const std::shared_ptr<completion>& state) {
        const std::lock_guard lock(mutex_);
        if (!calls_.emplace(id, state).second) {
            throw nonsense_received("a call has the id of another");
        }
    }
    void cancel(std::uint64_t id) {
        if (const auto state = find(id)) {
            (void)state->cancel();
        }
    }
    void answer(std::uint64_t id, payload outcome, std::string printed = {}) {
        const std::lock_guard lock(mutex_);
        calls_.erase(id);
        to_send_.push_back({id, std::move(outcome), std::move(printed)});
        const auto& only = to_send_.front();
        const bool is_short = std::max(only.outcome.bytes().size(), only.printed.size()) <= most_at_once;
        if (to_send_.size() == 1 && (!is_short || !send_what_fits())) {
            os::set_flag(wake_);
        }
    }
    void send_answers() {
        const std::lock_guard lock(mutex_);
        (void)send_what_fits();
    }
    [[nodiscard]] bool has_answers() {
        const std::lock_guard lock(mutex_);
        return !to_send_.empty();
    }

private:
    struct unsent {
        std::uint64_t id;
        payload outcome;
        std::string printed;
        std::optional<outgoing_packet> packet{}; // the next of it
    };

    std::shared_ptr<completion> find(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = calls_.find(id);
        return found != calls_.end() ? found->second.lock() : nullptr;
    }

    /// False when something is left, for which there is no room at the moment.
    bool send_what_fits() {
        while (!to_send_.empty()) {
            if (send(to_send_.front()) == os::delivery::no_room) {
                return false;
            }
            to_send_.pop_front(); // also if nobody is there any more, which the thread will see
        }
        return true;
    }
    os::delivery send(unsent& next) {
        if (!next.printed.empty()) {
            const auto sent = send(next, packet_kind::printed, std::as_bytes(std::span(next.printed)));
            if (sent != os::delivery::done) {
                return sent;
            }
            next.printed.clear();
        }
        return send(next, packet_kind::outcome, next.outcome.bytes());
    }
    os::delivery send(unsent& next, packet_kind kind, std::span<const std::byte> content) {
        try {
            if (!next.packet) {
                next.packet.emplace(kind, value_bytes{content, {}});
            }
            const auto sent = next.packet->send(socket_.get(), next.id);
            if (sent == os::delivery::done) {
                next.packet.reset();
            }
            return sent;
        } catch (const resource_error&) { // there is no memory or descriptor for it
            next.printed.clear();
            next.outcome = failure_outcome(std::current_exception());
            next.packet.emplace(packet_kind::outcome, value_bytes{next.outcome.bytes(), {}});
            return os::delivery::no_room;
        }
    }

    const os::unshared_descriptor socket_;
    const int wake_;
    packet_receiver receiver_; // the thread's own
    std::size_t index_ = 0;    // as well

    std::mutex mutex_;                                                   // guards what follows
    std::unordered_map<std::uint64_t, std::weak_ptr<completion>> calls_; // not answered
    std::deque<unsent> to_send_;
};

actor_server::actor_server(pool_core& pool)
    : pool_(pool),
      address_("@" + make_name()),
      listener_(os::listen_under(address_)),
      wake_(os::make_flag()) {
    try {
        const os::signals_blocked signals_are_for_the_programs_threads;
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& e) {
        os::throw_refused(e.code().value(), "cannot start a thread that takes calls from other processes");
    }
}

actor_server::~actor_server() {
    ending_ = true;
    os::set_flag(wake_.get());
    thread_.join();
}

void actor_server::run() {
    os::set_process_name("mp-actor-server");
    try {
        while (!ending_) {
            take_a_turn(steady_time::max());
        }
        const auto deadline = deadline_after(longest_farewell);
        const auto has_answers = [](const auto& each) { return each->has_answers(); };
        while (std::ranges::any_of(clients_, has_answers) && std::chrono::steady_clock::now() < deadline) {
            take_a_turn(deadline);
        }
    } catch (const std::exception&) { // no memory: who calls is told that nobody is here
    }
    os::shut_down(listener_.get());
    while (os::accept(listener_.get())) {
    }
    for (const auto& each : clients_) {
        each->hang_up();
    }
    clients_.clear();
}

void actor_server::take_a_turn(steady_time deadline) {
    os::poll_set all;
    const auto wake = all.add(wake_.get());
    std::optional<std::size_t> listener;
    if (no_room_until_ <= std::chrono::steady_clock::now()) {
        listener = all.add(listener_.get());
    } else {
        deadline = std::min(deadline, no_room_until_);
    }
    for (const auto& each : clients_) {
        each->add_to(all);
    }
    all.wait(deadline);
    if (all.is_readable(wake)) {
        os::clear_flag(wake_.get());
    }
    std::erase_if(clients_, [&](const auto& each) {
        const bool is_over = each->has_come(all) && !serve(each);
        if (is_over) {
            each->hang_up();
        }
        return is_over;
    });
    for (const auto& each : clients_) {
        each->send_answers();
    }
    if (listener && all.is_readable(*listener)) {
        accept_all();
    }
}

void actor_server::accept_all() {
    bool any = false;
    while (auto connected = os::accept(listener_.get())) {
        any = true;
        if (os::is_of_this_user(connected.get())) {
            clients_.push_back(std::make_shared<client>(std::move(connected), wake_.get()));
        }
    }
    if (!any) {
        no_room_until_ = deadline_after(until_there_may_be_room);
    }
}

/// False when it has ended, or is to be left alone.
bool actor_server::serve(const std::shared_ptr<client>& served) {
    try {
        incoming_packet request;
        for (int i = 0; i != most_in_a_turn; ++i) {
            switch (served->receive(request)) {
            case os::received_packet::type::nothing:
                return true;
            case os::received_packet::type::end:
                return false;
            case os::received_packet::type::packet:
                obey(served, std::move(request));
            }
        }
        return true;
    } catch (const nonsense_received&) {
        return false;
    } catch (const decode_failed&) {
        return false;
    }
}

void actor_server::obey(const std::shared_ptr<client>& served, incoming_packet&& request) {
    switch (request.kind) {
    case packet_kind::call:
        submit(served, std::move(request));
        return;
    case packet_kind::cancel:
        served->cancel(request.id);
        return;
    case packet_kind::close:
        pool_.close();
        return;
    case packet_kind::terminate:
        pool_.terminate();
        return;
    case packet_kind::pid: {
        const auto pids = pool_.pids();
        served->answer(request.id, value_outcome(pids.empty() ? 0L : pids.front()));
        return;
    }
    case packet_kind::join:
        try {
            pool_.end().on_ready([served, id = request.id] { served->answer(id, value_outcome(0L)); });
        } catch (const std::logic_error&) {
            served->answer(request.id, failure_outcome(std::current_exception()));
        }
        return;
    case packet_kind::printed:
    case packet_kind::outcome:
        break;
    }
    throw nonsense_received("a request of no known kind");
}

void actor_server::submit(const std::shared_ptr<client>& served, incoming_packet&& request) {
    const auto state = std::make_shared<completion>();
    served->has_called(request.id, state);
    state->on_ready([served, id = request.id, done = state.get()] {
        served->answer(id, done->outcome(), done->output());
    });
    try {
        if (request.lost) {
            std::rethrow_exception(request.lost);
        }
        decoder in(request.content.bytes());
        auto head = call_head::decode(in);
        call function{.encoded = bytes(&pool_.memory_for_tasks()),
                      .function = std::move(head.function),
                      .takes_stop_token = head.takes_stop_token};
        const auto encoded = in.take(in.remaining());
        function.encoded.append(encoded.data(), encoded.size());
        pool_.submit(std::move(function), state, 0, head.options, when_full::exceed);
    } catch (...) {
        state->fail(std::current_exception());
        state->part_is_complete();
    }
}

} // namespace multiprocessing::detail
