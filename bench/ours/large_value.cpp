// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// 64 MiB as a task's argument and as its result: a fresh vector each time, or one that is kept. Or in memory
// that is shared, which the task only looks at; and the same task without it.
#include "common/large_value.hpp"

#include <multiprocessing.hpp>

namespace mp = multiprocessing;

static constexpr auto usage = "fresh|kept|shared|none TRIPS";

static std::vector<char> increment(std::vector<char> value) {
    ++value.front();
    return value;
}

static int increment_shared(const mp::shared_array<char>& value) {
    return ++value[0] + value[value.size() - 1];
}
static int increment_one(char value) {
    return ++value + 'z';
}

/// `trip()` runs a task that increments an 'a', and says whether all is as it must be.
template <class Trip>
static void measure_small_trips(int count, const Trip& trip) {
    bench::report_latencies(bench::times_of(count, [&](int) { bench::expect(trip(), "the sum"); }));
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto what = bench::word(argc, argv, 1, usage);
    const auto trips = bench::number(argc, argv, 2, usage);
    mp::pool pool{1};
    if (what == "fresh") {
        bench::measure_trips(trips,
                             [&](const std::vector<char>& value) { return pool.apply(increment, value); });
    } else if (what == "shared") {
        const mp::shared_array<char> value(std::vector<char>(bench::large_value, 'z'));
        measure_small_trips(trips, [&] {
            value[0] = 'a';
            return pool.apply(increment_shared, value) == 'b' + 'z' && value[0] == 'b';
        });
    } else if (what == "none") {
        measure_small_trips(trips, [&] { return pool.apply(increment_one, 'a') == 'b' + 'z'; });
    } else {
        std::vector<char> back;
        bench::measure_trips(trips, [&](const std::vector<char>& value) -> const std::vector<char>& {
            pool.apply_async(increment, value).get_into(back);
            return back;
        });
    }
}
