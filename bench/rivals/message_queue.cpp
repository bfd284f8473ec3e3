// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// boost::interprocess::message_queue by itself between two processes, as its documentation uses it, or with
// everybody trying and yielding.
#include "common/message_queue.hpp"
#include "common/fork.hpp"
#include "common/messages.hpp"

#include <vector>

namespace {

constexpr auto usage = "small|large|round_trip VALUES wait|yield";

/// Sends and receives bytes, in either way.
class bare_queue {
public:
    bare_queue(bool yield, int slots, std::size_t size)
        : yield_(yield), queue_(static_cast<std::size_t>(slots), size) {}

    void send(const void* data, std::size_t size) {
        if (yield_) {
            bench::until([&] { return queue_.try_send(data, size, 0); });
        } else {
            queue_.send(data, size, 0);
        }
    }
    void receive(void* data, std::size_t size) {
        bench::message_queue::size_type received = 0;
        unsigned priority = 0;
        if (yield_) {
            bench::until([&] { return queue_.try_receive(data, size, received, priority); });
        } else {
            queue_.receive(data, size, received, priority);
        }
        bench::expect(received == size, "a message's size");
    }

private:
    bool yield_;
    bench::forked_message_queue queue_;
};

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    const auto count = bench::number(argc, argv, 2, usage);
    const auto yield = bench::word(argc, argv, 3, usage) == "yield";
    if (what == "small") {
        bare_queue values(yield, bench::small_capacity, sizeof(bench::small));
        const bench::child writer([&] {
            bench::write_all(count, [&](std::uint64_t number) { bench::send_number(values, number); });
        });
        bench::measure_small(count, [&] { return bench::receive_number(values); });
    } else if (what == "large") {
        bare_queue values(yield, bench::large_capacity, bench::large);
        std::vector<char> value(bench::large);
        const bench::child writer([&] {
            bench::write_all(count, [&](std::uint64_t number) {
                bench::stamp(value, number);
                values.send(value.data(), value.size());
            });
        });
        bench::measure_large(count, [&] {
            values.receive(value.data(), value.size());
            return bench::number_of(value);
        });
    } else {
        constexpr auto last = ~std::uint64_t{0};
        bare_queue there(yield, bench::small_capacity, sizeof(bench::small));
        bare_queue back(yield, bench::small_capacity, sizeof(bench::small));
        const bench::child other([&] {
            for (auto number = bench::receive_number(there); number != last;
                 number = bench::receive_number(there)) {
                bench::send_number(back, number);
            }
        });
        bench::measure_round_trip(count, [&](std::uint64_t number) {
            bench::send_number(there, number);
            return bench::receive_number(back);
        });
        bench::send_number(there, last);
    }
}
