// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// mp::queue between two processes: small values one way, large values one way, small values there and back.
#include "common/messages.hpp"

#include <multiprocessing.hpp>

#include <vector>

namespace mp = multiprocessing;

namespace {

constexpr auto usage = "small|large|round_trip VALUES";

using small_values = mp::queue<bench::small>;
using large_values = mp::queue<std::vector<char>>;

void write_small(small_values to, int count) {
    bench::write_all(count, [&](std::uint64_t number) { to.put({number, 0}); });
}

void write_large(large_values to, int count) {
    std::vector<char> value(bench::large);
    bench::write_all(count, [&](std::uint64_t number) {
        bench::stamp(value, number);
        to.put(value);
    });
}

void send_back(small_values from, small_values to) {
    for (const auto& value : from) {
        to.put(value);
    }
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto what = bench::word(argc, argv, 1, usage);
    const auto count = bench::number(argc, argv, 2, usage);
    if (what == "small") {
        small_values values(bench::small_capacity);
        mp::process writer(write_small, values, count);
        writer.start();
        bench::measure_small(count, [&] { return values.get()[0]; });
        writer.join();
    } else if (what == "large") {
        large_values values(bench::large_capacity);
        mp::process writer(write_large, values, count);
        writer.start();
        bench::measure_large(count, [&] { return bench::number_of(values.get()); });
        writer.join();
    } else {
        small_values there(bench::small_capacity);
        small_values back(bench::small_capacity);
        mp::process other(send_back, there, back);
        other.start();
        bench::measure_round_trip(count, [&](std::uint64_t number) {
            there.put({number, 0});
            return back.get()[0];
        });
        there.close();
        other.join();
    }
}
