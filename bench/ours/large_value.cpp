// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// 64 MiB as a task's argument and as its result: a fresh vector each time, or one that is kept.
#include "common/large_value.hpp"

#include <multiprocessing.hpp>

namespace mp = multiprocessing;

static constexpr auto usage = "fresh|kept TRIPS";

static std::vector<char> increment(std::vector<char> value) {
    ++value.front();
    return value;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto what = bench::word(argc, argv, 1, usage);
    const auto trips = bench::number(argc, argv, 2, usage);
    mp::pool pool{1};
    if (what == "fresh") {
        bench::measure_trips(trips,
                             [&](const std::vector<char>& value) { return pool.apply(increment, value); });
    } else {
        std::vector<char> back;
        bench::measure_trips(trips, [&](const std::vector<char>& value) -> const std::vector<char>& {
            pool.apply_async(increment, value).get_into(back);
            return back;
        });
    }
}
