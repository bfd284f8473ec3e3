// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

/// What `work(times)` costs for each time.
template <class Work>
double microseconds_each(int times, const Work& work) {
    const auto start = std::chrono::steady_clock::now();
    work(times);
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count() /
           times;
}

inline double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}
