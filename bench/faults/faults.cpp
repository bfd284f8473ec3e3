// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The kill script of this folder for this library's pool; prints a row of the table. faults.py is the same
// for Python's.
#include <multiprocessing.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <map>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr int workers = 2;
const std::vector first{1, 2, 3, 4, 5, 6};
const std::vector second{7, 8, 9, 10, 11, 12};
constexpr int deadly = 4;
constexpr auto task_takes = 30ms;
constexpr auto limit =
    5s; // tasks take a fifth of a second in all: what is not complete by then never will be
constexpr auto gone_within = 2s;

int task(int n) {
    std::this_thread::sleep_for(task_takes);
    if (n == deadly) {
        std::raise(SIGKILL);
    }
    return n * n;
}

void stay(mp::queue<long> busy) {
    busy.put(::getpid());
    std::this_thread::sleep_for(60s);
}

/// What becomes of the tasks, submitted all at once.
std::map<std::string, int> outcomes(mp::pool& pool, const std::vector<int>& tasks) {
    std::vector<mp::future<int>> futures;
    for (const int n : tasks) {
        futures.push_back(pool.apply_async(task, n));
    }
    const auto end = std::chrono::steady_clock::now() + limit;
    std::map<std::string, int> result;
    for (std::size_t i = 0; i != tasks.size(); ++i) {
        if (!futures[i].wait_until(end)) {
            ++result["lost"];
            continue;
        }
        try {
            ++result[futures[i].get() == tasks[i] * tasks[i] ? "value" : "error"];
        } catch (const mp::error&) {
            ++result["error"];
        }
    }
    return result;
}

bool runs(long pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(file, line);
    const auto command_end = line.rfind(')');
    return command_end != std::string::npos && line.find_first_of("ZX", command_end) != command_end + 2;
}

void be_parent(const mp::queue<long>& busy) {
    mp::pool pool(workers);
    auto one = pool.apply_async(stay, busy);
    auto other = pool.apply_async(stay, busy);
    one.wait();
    other.wait();
}

/// How many workers of a parent that is killed still run some time later.
std::string left_behind() {
    mp::queue<long> busy(workers);
    mp::process parent(be_parent, busy);
    parent.start();
    std::vector<long> pids;
    for (int i = 0; i != workers; ++i) {
        pids.push_back(busy.get());
    }
    parent.kill();
    parent.join();
    std::this_thread::sleep_for(gone_within);
    return std::to_string(std::ranges::count_if(pids, runs)) + " of " + std::to_string(pids.size());
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    mp::pool pool(workers);
    auto result = outcomes(pool, first);
    for (const auto pid : pool.pids()) { // they are idle
        ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    for (const auto& [outcome, count] : outcomes(pool, second)) {
        result[outcome] += count;
    }
    const bool usable = outcomes(pool, {1})["value"] == 1;
    std::printf("| `multiprocessing::pool` | %d | %d | %d | %s | %s |\n", result["value"], result["error"],
                result["lost"], usable ? "yes" : "no", left_behind().c_str());
}
