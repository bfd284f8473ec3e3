// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <cstdint>
#include <numeric>
#include <vector>

/// The tasks that pools are measured with, whatever kind of pool it is.
namespace bench {

/// noipa: the compiler may neither inline it nor conclude anything from what it does.
[[gnu::noipa]] inline int identity(int x) {
    return x;
}

inline std::int64_t sum_below(std::int64_t n) {
    return n * (n - 1) / 2;
}

/// Tasks 0 to `count` - 1, all submitted before the first is waited for. `submit(i)` returns a future of i.
template <class Submit>
void run_all_at_once(int count, const Submit& submit) {
    std::vector<decltype(submit(0))> futures;
    futures.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i != count; ++i) {
        futures.push_back(submit(i));
    }
    std::int64_t sum = 0;
    for (auto& future : futures) {
        sum += future.get();
    }
    expect(sum == sum_below(count), "the tasks' values");
}

template <class Submit>
void measure_async(int count, const Submit& submit) {
    run_all_at_once(count / 10, submit);
    report("rate", count / seconds([&] { run_all_at_once(count, submit); }), "tasks/s");
}

/// `call(i)` has identity(i) run, waits and returns its value.
template <class Call>
void measure_sync(int count, const Call& call) {
    report_latencies(times_of(count, [&](int i) { expect(call(i) == i, "the task's value"); }));
}

/// `map(numbers)` returns a new vector of the identities of so many integers.
template <class Map>
void measure_map(int count, const Map& map) {
    std::vector<int> numbers(static_cast<std::size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    std::vector<int> result;
    const auto times = times_of(15, [&](int) { result = map(numbers); });
    expect(result == numbers, "the map's values");
    report("rate", count / quantile(times, 0.5), "ints/s");
}

} // namespace bench
