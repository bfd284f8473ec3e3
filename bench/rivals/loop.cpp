// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The map without any pool: a loop in this process.
#include "common/tasks.hpp"

int main(int argc, char** argv) {
    int (*volatile const function)(int) = bench::identity;
    bench::measure_map(bench::number(argc, argv, 1, "TASKS"), [&](const std::vector<int>& numbers) {
        std::vector<int> result;
        result.reserve(numbers.size());
        for (const int number : numbers) {
            result.push_back(function(number));
        }
        return result;
    });
}
