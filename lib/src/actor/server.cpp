// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/server.hpp"

#include "actor/call_head.hpp"
#include "os/poll.hpp"
#include "os/process.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <system_error>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// How long those who have called get to take what is left for them: each has a thread that does nothing
/// else.
constexpr std::chrono::seconds longest_farewell{1};
/// So many requests of one guest, then others have their turn.
constexpr int most_in_a_turn = 64;

} // namespace

actor_server::actor_server(pool_core& pool)
    : pool_(pool), wake_(std::make_shared<os::unshared_descriptor>(os::make_flag())) {
    try {
        const os::signals_blocked signals_are_for_the_programs_threads;
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error& e) {
        os::throw_refused(e.code().value(), "cannot start a thread that takes calls from other processes");
    }
}

actor_server::~actor_server() {
    ending_ = true;
    os::set_flag(wake_->get());
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
        while (std::ranges::any_of(guests_, has_answers) && std::chrono::steady_clock::now() < deadline) {
            take_a_turn(deadline);
        }
    } catch (const std::exception&) { // no memory: who calls is told that nobody is here
    }
    acceptor_.shut_down();
    for (const auto& each : guests_) {
        each->hang_up();
    }
    guests_.clear();
}

void actor_server::take_a_turn(steady_time deadline) {
    os::poll_set all;
    const auto wake = all.add(wake_->get());
    acceptor_.add_to(all, deadline);
    for (const auto& each : guests_) {
        each->add_to(all);
    }
    all.wait(deadline);
    if (all.is_readable(wake)) {
        os::clear_flag(wake_->get());
    }
    std::erase_if(guests_, [&](const auto& each) {
        const bool is_over = each->has_come(all) && !serve(each);
        if (is_over) {
            each->hang_up();
        }
        return is_over;
    });
    for (const auto& each : guests_) {
        each->send_answers();
    }
    acceptor_.accept_all(all, [this](os::descriptor connected) {
        guests_.push_back(std::make_shared<actor_guest>(std::move(connected), wake_));
    });
}

/// False when it has ended, or is to be left alone.
bool actor_server::serve(const std::shared_ptr<actor_guest>& served) {
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

void actor_server::obey(const std::shared_ptr<actor_guest>& served, incoming_packet&& request) {
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
        served->answer_number(request.id, pids.empty() ? 0 : pids.front());
        return;
    }
    case packet_kind::join:
        try {
            pool_.end()->on_ready([served, id = request.id] { served->answer_number(id, 0); });
        } catch (const std::logic_error&) {
            served->answer_failure(request.id, std::current_exception());
        }
        return;
    case packet_kind::printed:
    case packet_kind::outcome:
        break;
    }
    throw nonsense_received("a request of no known kind");
}

void actor_server::submit(const std::shared_ptr<actor_guest>& served, incoming_packet&& request) {
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
        call function(&pool_.memory_for_tasks());
        function.function = std::move(head.function);
        function.takes_stop_token = head.takes_stop_token;
        const auto encoded = in.take(in.remaining());
        function.encoded.append(encoded.data(), encoded.size());
        pool_.submit(std::move(function), state, 0, head.options, when_full::exceed);
    } catch (...) {
        state->fail(std::current_exception());
        state->part_is_complete();
    }
}

} // namespace multiprocessing::detail
