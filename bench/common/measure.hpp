// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

/// What every program here needs. A program makes one measurement, for one contender, and says what it found
/// in lines of `name value unit`.
namespace bench {

inline void report(const char* name, double value, const char* unit) {
    std::printf("%s %.6g %s\n", name, value, unit);
    std::fflush(stdout);
}

/// Ends the program unless a result is as it must be: a contender that does not do the work has no numbers.
inline void expect(bool as_it_must_be, const char* what) {
    if (!as_it_must_be) {
        std::fprintf(stderr, "wrong result: %s\n", what);
        std::_Exit(1);
    }
}

/// The argument at `index`, which `usage` names.
inline std::string_view word(int argc, char** argv, int index, const char* usage) {
    if (index >= argc) {
        std::fprintf(stderr, "usage: %s %s\n", argv[0], usage);
        std::_Exit(2);
    }
    return argv[index];
}
inline int number(int argc, char** argv, int index, const char* usage) {
    return std::atoi(word(argc, argv, index, usage).data());
}

template <class Work>
double seconds(Work&& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The value below which that part of all values lies; of at least one value.
inline double quantile(std::vector<double> values, double part) {
    std::ranges::sort(values);
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}

/// The times that `work(i)` takes, `count` times one after the other, after a tenth as many that do not
/// count.
template <class Work>
std::vector<double> times_of(int count, const Work& work) {
    std::vector<double> result;
    result.reserve(static_cast<std::size_t>(count));
    for (int i = -(count + 9) / 10; i != count; ++i) {
        const auto time = seconds([&] { work(i); });
        if (i >= 0) {
            result.push_back(time);
        }
    }
    return result;
}

inline void report_latencies(const std::vector<double>& times) {
    report("p50", quantile(times, 0.50) * 1e6, "us");
    report("p99", quantile(times, 0.99) * 1e6, "us");
}

} // namespace bench
