// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// 64 MiB as a task's argument and as its result.
#include "common/large_value.hpp"

#include <multiprocessing.hpp>

namespace mp = multiprocessing;

static std::vector<char> increment(std::vector<char> value) {
    ++value.front();
    return value;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);
    mp::pool pool{1};
    bench::measure_trips(bench::number(argc, argv, 1, "TRIPS"),
                         [&](const std::vector<char>& value) { return pool.apply(increment, value); });
}
