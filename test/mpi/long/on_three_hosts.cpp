// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// on_three_hosts SCENARIO: a pool on three hosts that `test/mpi/three_hosts` has made, and what happens to
// them. Says that all is well, or why not.
#include "chaos_tasks.hpp"

#include <multiprocessing/mpi.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

void expect(bool sound, const std::string& otherwise) {
    if (!sound) {
        throw std::runtime_error(otherwise);
    }
}

long slow(std::chrono::milliseconds pause) {
    std::this_thread::sleep_for(pause);
    return ::getppid();
}
double sum(const mp::shared_array<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0);
}
std::uint64_t names_in_shared_memory() {
    const std::filesystem::directory_iterator names("/dev/shm");
    return static_cast<std::uint64_t>(std::ranges::count_if(
        names, [](const auto& each) { return each.path().filename().string().ends_with("-array"); }));
}

/// What `test/mpi/three_hosts` can do to a host.
void have_host(const std::string& what, const std::string& host) {
    const auto command = std::string(std::getenv("three_hosts")) + "/" + what + " " + host;
    expect(std::system(command.c_str()) >= 0, command);
}

/// Submits so many tasks, does something after a third of them, and expects all to succeed.
template <class Action>
void all_succeed(mp::mpi_pool& pool, int tasks, const Action& action) {
    std::vector<mp::future<long>> futures;
    for (int i = 0; i != tasks; ++i) {
        futures.push_back(pool.apply_async({.idempotent = true}, slow, 1ms));
        if (i == tasks / 3) {
            action();
        }
    }
    for (auto& each : futures) {
        expect(each.get() != 0, "a task without a result");
    }
}

template <class Condition>
void wait_until(const Condition& condition, const std::string& what) {
    for (const auto end = std::chrono::steady_clock::now() + 30s; !condition();) {
        expect(std::chrono::steady_clock::now() < end, "in vain waited for " + what);
        std::this_thread::sleep_for(5ms);
    }
}

void throughput(mp::mpi_pool& pool) {
    constexpr std::uint64_t tasks = 100'000;
    const auto begin = std::chrono::steady_clock::now();
    std::vector<mp::future<std::uint64_t>> futures;
    for (std::uint64_t i = 0; i != tasks; ++i) {
        futures.push_back(pool.apply_async(chaos::compute, i));
    }
    for (std::uint64_t i = 0; i != tasks; ++i) {
        expect(futures[i].get() == chaos::compute(i), "a wrong result");
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.0f tasks/s\n", tasks / took.count());
}

/// Each host has a /dev/shm of its own, so it gets the array over the network: once, and gives it back.
void arrays(mp::mpi_pool& pool) {
    const auto everywhere = [&] {
        std::vector<mp::future<std::uint64_t>> counts;
        for (int i = 0; i != 12; ++i) {
            counts.push_back(pool.apply_async(names_in_shared_memory));
        }
        std::uint64_t most = 0;
        for (auto& each : counts) {
            most = std::max(most, each.get());
        }
        return most;
    };
    {
        const mp::shared_array<double> numbers(std::vector<double>(1'000'000, 0.5));
        std::vector<mp::future<double>> futures;
        for (int i = 0; i != 60; ++i) {
            futures.push_back(pool.apply_async(sum, numbers));
        }
        for (auto& each : futures) {
            expect(each.get() == 500'000.0, "a wrong sum");
        }
        expect(everywhere() == 1, "a host that has not one copy of the array");
    }
    wait_until([&] { return everywhere() == 0; }, "the end of the copies");
}

void agent(mp::mpi_pool& pool) {
    for (const auto& victim : pool.nodes()) {
        all_succeed(pool, 3000, [&] { ::kill(static_cast<pid_t>(victim.agent), SIGKILL); });
        wait_until(
            [&] {
                const auto nodes = pool.nodes();
                return nodes.size() == 3 && std::ranges::count(nodes, victim) == 0;
            },
            "another agent on " + victim.host);
    }
}

void node(mp::mpi_pool& pool) {
    std::vector<mp::future<long>> mortal;
    for (std::size_t i = 0; i != pool.size(); ++i) {
        mortal.push_back(pool.apply_async(slow, 3s));
    }
    std::this_thread::sleep_for(200ms);
    all_succeed(pool, 3000, [&] { have_host("lose", "node2"); });
    int lost = 0;
    for (auto& each : mortal) {
        try {
            each.get();
        } catch (const mp::node_lost& e) {
            expect(std::string(e.what()).find("node2") != std::string::npos, e.what());
            ++lost;
        }
    }
    expect(lost == 2, std::to_string(lost) + " tasks were lost with a node of two workers");
    expect(pool.nodes().size() == 2, "a host that is gone has an agent");
    all_succeed(pool, 300, [] {});
    for (const auto& last : {"node1", "node3"}) {
        have_host("lose", last);
    }
    try {
        pool.apply(slow, 1ms);
        throw std::runtime_error("a task ran nowhere");
    } catch (const mp::node_lost&) { // all are
    }
}

// Of the first way, by `mpirun`: the root is on node1, and nobody is replaced.
void rank(mp::mpi_pool& pool) {
    const auto victim = pool.nodes().front();
    all_succeed(pool, 3000, [&] { ::kill(static_cast<pid_t>(victim.agent), SIGKILL); });
    expect(pool.nodes().size() == 2, "a rank that is lost is there");
    all_succeed(pool, 300, [] {});
}
void node_of_rank(mp::mpi_pool& pool) {
    all_succeed(pool, 3000, [] { have_host("lose", "node2"); });
    expect(pool.nodes().size() == 2, "a node that is lost is there");
    all_succeed(pool, 300, [] {});
}

void link(mp::mpi_pool& pool) {
    all_succeed(pool, 3000, [&] { have_host("cut", "node3"); });
    wait_until([&] { return pool.nodes().size() == 2; }, "the loss of a node without a link");
    have_host("join", "node3");
    all_succeed(pool, 3000, [] {});
}

std::vector<pid_t> workers_of(const mp::mpi_pool& pool) {
    std::set<long> agents;
    for (const auto& each : pool.nodes()) {
        agents.insert(each.agent);
    }
    std::vector<pid_t> workers;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto name = entry.path().filename().string();
        std::ifstream file(entry.path() / "stat");
        if (std::string skipped; name.find_first_not_of("0123456789") == std::string::npos) {
            long parent = 0;
            file >> skipped >> skipped >> skipped >> parent;
            if (agents.contains(parent)) {
                workers.push_back(std::stoi(name));
            }
        }
    }
    return workers;
}

/// The chaos of the local pool: see `test/soak/chaos.cpp`.
void all_kinds(mp::mpi_pool& pool) {
    std::mt19937_64 random(1);
    std::atomic<bool> is_over{false};
    std::thread killer([&] {
        for (std::mt19937_64 chance(2); !is_over; std::this_thread::sleep_for(20ms)) {
            if (const auto workers = workers_of(pool); !workers.empty()) {
                ::kill(workers[chance() % workers.size()], SIGKILL);
            }
        }
    });
    chaos::tally counts;
    std::deque<chaos::check> under_way;
    constexpr std::uint64_t tasks = 10'000;
    for (std::uint64_t i = 0; i != tasks || !under_way.empty();) {
        if (i != tasks) {
            under_way.push_back(chaos::submit(pool, random));
            ++i;
        }
        if (i == tasks || under_way.size() == 200) {
            under_way.front()(counts);
            under_way.pop_front();
        }
    }
    is_over = true;
    killer.join();
    std::printf("%llu values, %llu worker_died\n", static_cast<unsigned long long>(counts.values),
                static_cast<unsigned long long>(counts.died));
    expect(counts.wrong == 0 && counts.tasks() == tasks, "wrong outcomes");
    expect(pool.nodes().size() == 3, "a node was lost for want of a worker");
}

/// Works until it is killed.
void orphans(mp::mpi_pool& pool) {
    const auto pid = std::to_string(::getpid());
    std::ofstream(std::filesystem::path(std::getenv("three_hosts")) / "root") << pid << std::endl;
    for (;;) {
        all_succeed(pool, 100, [] {});
    }
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const std::map<std::string, void (*)(mp::mpi_pool&)> scenarios{
        {"throughput", throughput},
        {"arrays", arrays},
        {"agent", agent},
        {"node", node},
        {"rank", rank},
        {"node_of_rank", node_of_rank},
        {"link", link},
        {"chaos", all_kinds},
        {"orphans", orphans},
    };
    try {
        mp::mpi_pool pool{{.processes = 2, .workers = {.retry_back_off = 1ms}}};
        expect(pool.nodes().size() == 3, "there are not three nodes");
        scenarios.at(argc > 1 ? argv[1] : "throughput")(pool);
        std::puts("all is well");
        return EXIT_SUCCESS;
    } catch (const std::exception& e) {
        std::printf("not so: %s\n", e.what());
        return EXIT_FAILURE;
    }
}
