// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// ZeroMQ between two processes: PUSH and PULL one way, REQ and REP there and back, over ipc.
#include "common/fork.hpp"
#include "common/messages.hpp"

#include <atomic>
#include <string>
#include <vector>
#include <zmq.h>

namespace {

constexpr auto usage = "small|large|round_trip VALUES";

/// One socket, with a context of its own: contexts do not survive a fork.
class socket {
public:
    socket(int type, int capacity) : socket_(::zmq_socket(context_, type)) {
        bench::expect(socket_ != nullptr, "zmq_socket");
        ::zmq_setsockopt(socket_, ZMQ_SNDHWM, &capacity, sizeof capacity);
        ::zmq_setsockopt(socket_, ZMQ_RCVHWM, &capacity, sizeof capacity);
    }
    socket(const socket&) = delete;
    socket& operator=(const socket&) = delete;
    ~socket() {
        ::zmq_close(socket_);
        ::zmq_ctx_term(context_); // when all has been sent
    }
    void bind(const std::string& address) {
        bench::expect(::zmq_bind(socket_, address.c_str()) == 0, "zmq_bind");
    }
    void connect(const std::string& address) {
        bench::expect(::zmq_connect(socket_, address.c_str()) == 0, "zmq_connect");
    }
    void send(const void* data, std::size_t size) {
        bench::expect(::zmq_send(socket_, data, size, 0) == static_cast<int>(size), "zmq_send");
    }
    void receive(void* data, std::size_t size) {
        bench::expect(::zmq_recv(socket_, data, size, 0) == static_cast<int>(size), "zmq_recv");
    }

private:
    void* context_ = ::zmq_ctx_new();
    void* socket_;
};

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    const auto count = bench::number(argc, argv, 2, usage);
    // With its writer, ZeroMQ can lose what the reader has no room for yet: the writer stays.
    auto* all_is_received = bench::shared_memory<std::atomic<bool>>(1);
    const auto stay = [all_is_received] {
        while (!*all_is_received) {
            ::usleep(1000);
        }
    };
    const auto address = "ipc://@bench-" + std::to_string(::getpid()); // no file
    if (what == "small") {
        const bench::child writer([&] {
            socket to(ZMQ_PUSH, bench::small_capacity);
            to.connect(address);
            bench::write_all(count, [&](std::uint64_t number) { bench::send_number(to, number); });
            stay();
        });
        socket from(ZMQ_PULL, bench::small_capacity);
        from.bind(address);
        bench::measure_small(count, [&] { return bench::receive_number(from); });
        *all_is_received = true;
    } else if (what == "large") {
        std::vector<char> value(bench::large);
        const bench::child writer([&] {
            socket to(ZMQ_PUSH, bench::large_capacity);
            to.connect(address);
            bench::write_all(count, [&](std::uint64_t number) {
                bench::stamp(value, number);
                to.send(value.data(), value.size());
            });
            stay();
        });
        socket from(ZMQ_PULL, bench::large_capacity);
        from.bind(address);
        bench::measure_large(count, [&] {
            from.receive(value.data(), value.size());
            return bench::number_of(value);
        });
        *all_is_received = true;
    } else {
        constexpr auto last = ~std::uint64_t{0};
        const bench::child other([&] {
            socket replier(ZMQ_REP, bench::small_capacity);
            replier.bind(address);
            for (auto number = bench::receive_number(replier);; number = bench::receive_number(replier)) {
                bench::send_number(replier, number);
                if (number == last) {
                    return;
                }
            }
        });
        socket requester(ZMQ_REQ, bench::small_capacity);
        requester.connect(address);
        const auto exchange = [&](std::uint64_t number) {
            bench::send_number(requester, number);
            return bench::receive_number(requester);
        };
        bench::measure_round_trip(count, exchange);
        exchange(last);
    }
}
