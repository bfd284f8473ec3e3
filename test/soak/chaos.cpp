// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Tasks of all kinds on one pool, while its workers are killed at random:
//
//     chaos [--tasks N | --seconds T] [--seed S] [--workers W] [--strict 0|1]
//
// Afterwards every task has the outcome it must have, and nothing is left behind. Prints one line, and exits
// with 0 if so, else with 1. Aborts when nothing has moved for a minute.
#include "chaos_tasks.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using namespace chaos;
using clock_type = std::chrono::steady_clock;

namespace {

struct settings {
    std::uint64_t tasks = 0; // 0: as many as there is time for
    std::uint64_t seconds = 0;
    std::uint64_t seed = 1;
    std::uint64_t workers = 4;
    bool strict = false;
};

/// How long a worker takes to get ready here: milliseconds, or a good part of a second under a sanitizer.
std::chrono::microseconds time_to_start() {
    const auto start = std::chrono::steady_clock::now();
    mp::pool(1).apply([] {});
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start);
}

/// Kills workers, one every few milliseconds; seldom enough that most get to start. Some are stopped first:
/// inside an operation on a queue that stalls the pool, until they are killed.
class chaos_thread {
public:
    chaos_thread(mp::pool& pool, std::uint64_t seed) : thread_([this, &pool, seed] { run(pool, seed); }) {}
    ~chaos_thread() { stop(); }
    chaos_thread(const chaos_thread&) = delete;
    chaos_thread& operator=(const chaos_thread&) = delete;

    void stop() {
        over_ = true;
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    [[nodiscard]] std::uint64_t kills() const { return kills_; }

private:
    void run(mp::pool& pool, std::uint64_t seed) {
        std::mt19937_64 random(seed);
        const auto pause = [&](std::uint64_t most) {
            std::this_thread::sleep_for(std::chrono::microseconds(random() % most));
        };
        const auto longest_pause = std::max<std::uint64_t>(40'000, 4 * time_to_start().count());
        while (!over_) {
            pause(longest_pause);
            const auto pids = pool.pids();
            if (pids.empty()) {
                continue;
            }
            const auto victim = static_cast<pid_t>(pids[random() % pids.size()]);
            if (random() % 8 == 0) {
                ::kill(victim, SIGSTOP);
                pause(5'000);
            }
            ::kill(victim, SIGKILL);
            ++kills_;
        }
    }

    std::atomic<bool> over_{false};
    std::atomic<std::uint64_t> kills_{0};
    std::thread thread_;
};

/// Aborts, with what is known, when nothing has moved for a minute.
class watchdog {
public:
    explicit watchdog(std::uint64_t seed) : thread_([this, seed] { run(seed); }) {}
    ~watchdog() {
        over_ = true;
        thread_.join();
    }
    watchdog(const watchdog&) = delete;
    watchdog& operator=(const watchdog&) = delete;

    void moved() { ++moves_; }
    /// Whose state to tell; null when it is being destroyed.
    void watch(mp::pool* pool) { pool_ = pool; }

private:
    void run(std::uint64_t seed) {
        auto last = moves_.load();
        for (auto since = clock_type::now(); !over_; std::this_thread::sleep_for(50ms)) {
            if (const auto now = moves_.load(); now != last) {
                last = now;
                since = clock_type::now();
            }
            if (clock_type::now() - since > 60s) {
                std::fprintf(stderr, "chaos: hangs, seed %llu, after %llu steps\n",
                             static_cast<unsigned long long>(seed), static_cast<unsigned long long>(last));
                std::thread([this] { tell(); }).detach(); // the pool may not answer either
                std::this_thread::sleep_for(5s);
                std::abort();
            }
        }
    }
    void tell() {
        if (auto* pool = pool_.load()) {
            const auto now = pool->stats();
            std::fprintf(stderr, "chaos: queued %zu, running %zu, done %llu, failed %llu, restarts %llu\n",
                         now.queued, now.running, static_cast<unsigned long long>(now.done),
                         static_cast<unsigned long long>(now.failed),
                         static_cast<unsigned long long>(now.restarts));
            for (const auto pid : pool->pids()) {
                std::fprintf(stderr, "chaos: worker %ld\n", pid);
            }
        }
    }

    std::atomic<bool> over_{false};
    std::atomic<std::uint64_t> moves_{0};
    std::atomic<mp::pool*> pool_{nullptr};
    std::thread thread_;
};

// What may be left behind.

std::size_t count_entries(const char* directory, const std::function<bool(const std::string&)>& counts) {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        count += counts(entry.path().filename().string()) ? 1 : 0;
    }
    return count;
}
/// A field of /proc/NAME/status, the rest of its line.
std::string status_of(const std::string& name, const std::string& field) {
    std::ifstream file("/proc/" + name + "/status");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(field + ":\t")) {
            return line.substr(field.size() + 2);
        }
    }
    return {};
}
bool is_own_child(const std::string& name) {
    return name.find_first_not_of("0123456789") == std::string::npos &&
           status_of(name, "PPid") == std::to_string(::getpid());
}
/// Says what the children are that should not be there.
void tell_children() {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        if (is_own_child(name)) {
            std::fprintf(stderr, "chaos: child %s (%s): %s\n", name.c_str(), status_of(name, "Name").c_str(),
                         status_of(name, "State").c_str());
        }
    }
}
bool is_own_name(const std::string& name) {
    return name.starts_with("multiprocessing-") &&
           name.find("-" + std::to_string(::getpid()) + "-") != std::string::npos;
}
bool any(const std::string&) {
    return true;
}

/// Descriptors, threads, children and names in shared memory.
using things = std::array<std::size_t, 4>;
things inventory() {
    return {count_entries("/proc/self/fd", any), count_entries("/proc/self/task", any),
            count_entries("/proc", is_own_child), count_entries("/dev/shm", is_own_name)};
}

settings read_arguments(int argc, char** argv) {
    settings result;
    for (int i = 1; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const auto value = std::strtoull(argv[i + 1], nullptr, 10);
        if (name == "--tasks") {
            result.tasks = value;
        } else if (name == "--seconds") {
            result.seconds = value;
        } else if (name == "--seed") {
            result.seed = value;
        } else if (name == "--workers") {
            result.workers = value;
        } else if (name == "--strict") {
            result.strict = value != 0;
        } else {
            std::fprintf(stderr, "chaos [--tasks N | --seconds T] [--seed S] [--workers W] [--strict 0|1]\n");
            std::exit(EXIT_FAILURE);
        }
    }
    if (result.tasks == 0 && result.seconds == 0) {
        result.tasks = 10'000;
    }
    return result;
}

struct outcome {
    tally counts;
    std::uint64_t submitted = 0;
    std::uint64_t kills = 0;
    std::uint64_t restarts = 0;
    std::uint64_t retries = 0;
};

outcome run(const settings& chosen, watchdog& guard) {
    outcome result;
    std::mt19937_64 random(chosen.seed);
    mp::pool pool({.processes = chosen.workers,
                   .retry_back_off = 1ms,
                   .isolation = chosen.strict ? mp::isolation::strict : mp::isolation::shared});
    guard.watch(&pool);
    std::deque<check> under_way;
    const auto settle_one = [&] {
        under_way.front()(result.counts);
        under_way.pop_front();
        guard.moved();
    };
    {
        chaos_thread chaos(pool, chosen.seed + 1);
        const auto end = clock_type::now() + std::chrono::seconds(chosen.seconds);
        while ((chosen.tasks == 0 || result.submitted != chosen.tasks) &&
               (chosen.seconds == 0 || clock_type::now() < end)) {
            under_way.push_back(submit(pool, random));
            ++result.submitted;
            guard.moved();
            if (under_way.size() == 200) {
                settle_one();
            }
        }
        while (!under_way.empty()) {
            settle_one();
        }
        chaos.stop();
        result.kills = chaos.kills();
    }
    result.restarts = pool.stats().restarts;
    result.retries = pool.stats().retries;
    guard.watch(nullptr);
    return result;
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const auto chosen = read_arguments(argc, argv);
    const auto begin = clock_type::now();
    watchdog guard(chosen.seed);
    const auto before = inventory();
    const auto result = run(chosen, guard);

    auto after = inventory();
    for (const auto end = clock_type::now() + 10s; after != before && clock_type::now() < end;) {
        std::this_thread::sleep_for(1ms); // what has ended takes the kernel a moment to disappear
        after = inventory();
    }
    bool good = result.counts.wrong == 0 && result.counts.tasks() == result.submitted;
    constexpr std::array names{"descriptors", "threads", "children", "names in /dev/shm"};
    for (std::size_t i = 0; i != names.size(); ++i) {
        if (after[i] != before[i]) {
            std::fprintf(stderr, "chaos: %s left behind: %zu before, %zu after\n", names[i], before[i],
                         after[i]);
            good = false;
        }
    }
    tell_children();
    std::printf(
        "%s: seed %llu, %llu tasks, %llu values, %llu exceptions, %llu worker_died, %llu timed out, "
        "%llu cancelled, %llu retries, %llu wrong, "
        "%llu kills, %llu restarts, %.1f s\n",
        good ? "good" : "BAD", static_cast<unsigned long long>(chosen.seed),
        static_cast<unsigned long long>(result.submitted),
        static_cast<unsigned long long>(result.counts.values),
        static_cast<unsigned long long>(result.counts.exceptions),
        static_cast<unsigned long long>(result.counts.died),
        static_cast<unsigned long long>(result.counts.timed_out),
        static_cast<unsigned long long>(result.counts.cancelled),
        static_cast<unsigned long long>(result.retries), static_cast<unsigned long long>(result.counts.wrong),
        static_cast<unsigned long long>(result.kills), static_cast<unsigned long long>(result.restarts),
        std::chrono::duration<double>(clock_type::now() - begin).count());
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
