// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The least that a task in another process can cost when nobody spins: this thread wakes another process,
// that wakes a second thread of this process (a pool's own), and that wakes this thread.
#include "common/fork.hpp"
#include "common/measure.hpp"

#include <atomic>
#include <cstdint>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <thread>

namespace {

/// A number that one passes to another, who sleeps meanwhile.
class baton {
public:
    void pass(std::uint32_t number) {
        number_.store(number);
        ::syscall(SYS_futex, &number_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    }
    void await(std::uint32_t number) {
        for (auto seen = number_.load(); seen != number; seen = number_.load()) {
            ::syscall(SYS_futex, &number_, FUTEX_WAIT, seen, nullptr, nullptr, 0);
        }
    }

private:
    std::atomic<std::uint32_t> number_;
};

} // namespace

int main(int argc, char** argv) {
    const auto count = bench::number(argc, argv, 1, "TRIPS");
    const auto trips = static_cast<std::uint32_t>(count + (count + 9) / 10);
    auto* batons = bench::shared_memory<baton>(3);
    const auto relay = [batons, trips](int from, int to) {
        for (std::uint32_t i = 1; i <= trips; ++i) {
            batons[from].await(i);
            batons[to].pass(i);
        }
    };
    const bench::child process([&] { relay(0, 1); });
    std::thread thread([&] { relay(1, 2); });
    std::uint32_t trip = 0;
    bench::report_latencies(bench::times_of(count, [&](int) {
        batons[0].pass(++trip);
        batons[2].await(trip);
    }));
    thread.join();
}
