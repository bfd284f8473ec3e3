// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a value of 16 bytes costs on its way through a queue: one way, there and back, and with several
// writers and readers. Medians of rounds; to compare two builds, run them in turns.
#include <multiprocessing.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace mp = multiprocessing;

namespace {

using value = std::array<std::uint64_t, 2>;
using values = mp::queue<value>;

constexpr int rounds = 5;
constexpr std::size_t capacity = 1024;

void write(values to, mp::queue<int> start, int count) {
    (void)start.get();
    for (int i = 0; i != count; ++i) {
        to.put({});
    }
}

void read(values from, mp::queue<int> start, int count) {
    (void)start.get();
    for (int i = 0; i != count; ++i) {
        (void)from.get();
    }
}

void send_back(values from, values to, int count) {
    for (int i = 0; i != count; ++i) {
        to.put(from.get());
    }
}

double microseconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

/// So many writers and as many readers, each of so many values.
double with_several(int users, int count) {
    const values queue(capacity);
    mp::queue<int> start(2 * users);
    std::vector<mp::process> processes;
    for (int i = 0; i != users; ++i) {
        processes.emplace_back(write, queue, start, count);
        processes.emplace_back(read, queue, start, count);
    }
    for (auto& process : processes) {
        process.start();
    }
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i != 2 * users; ++i) {
        start.put(0);
    }
    for (auto& process : processes) {
        process.join();
    }
    return microseconds_since(begin) / users / count;
}

double there_and_back(int count) {
    values there(1);
    values back(1);
    mp::process other(send_back, there, back, count + 1);
    other.start();
    there.put({});
    (void)back.get(); // it is awake
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i != count; ++i) {
        there.put({});
        (void)back.get();
    }
    const auto result = microseconds_since(begin) / count;
    other.join();
    return result;
}

double in_one_process(int count) {
    values queue(capacity);
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i != count; ++i) {
        queue.put({});
        (void)queue.get();
    }
    return microseconds_since(begin) / count;
}

template <class Measurement>
void report(const char* what, const Measurement& measurement) {
    std::vector<double> results;
    for (int round = 0; round != rounds; ++round) {
        results.push_back(measurement());
    }
    std::ranges::sort(results);
    std::printf("%-36s %8.3f us\n", what, results[results.size() / 2]);
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    report("put and get, nobody else there", [] { return in_one_process(500'000); });
    report("one writer, one reader", [] { return with_several(1, 300'000); });
    report("three writers, three readers", [] { return with_several(3, 50'000); });
    report("there and back", [] { return there_and_back(20'000); });
}
