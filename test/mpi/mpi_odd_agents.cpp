// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Agents that end by themselves, at a time and in a way that nobody expects, and those that take their time.
// It costs the nodes that `mpirun` has started all but the first.
#include <multiprocessing/mpi.hpp>

#include <multiprocessing.hpp>

#include "support/fault.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// Where it is written what the next agent is to do.
std::filesystem::path order() {
    const char* folder = std::getenv("under_mpi");
    return std::filesystem::path(folder != nullptr ? folder : "") / "order";
}

/// In agents, before main: they exit when they are asked to, with a code or as if all were well.
const bool is_odd = [] {
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    if (std::getenv("MULTIPROCESSING_AGENT") == nullptr && (rank == nullptr || std::string(rank) == "0")) {
        return false;
    }
    std::signal(SIGUSR1, [](int) { ::_exit(7); });
    std::signal(SIGUSR2, [](int) { ::_exit(0); });
    std::ifstream file(order());
    std::string what;
    file >> what;
    std::filesystem::remove(order());
    if (what == "exit") {
        ::_exit(7);
    } else if (what == "wait") {
        std::this_thread::sleep_for(200ms);
    }
    return true;
}();

bool starts_agents_itself() {
    return std::getenv("MULTIPROCESSING_HOSTS") != nullptr;
}

std::vector<long> agents_of(const mp::mpi_pool& pool) {
    std::vector<long> agents;
    for (const auto& each : pool.nodes()) {
        if (each.agent != ::getpid()) { // the root's own node
            agents.push_back(each.agent);
        }
    }
    return agents;
}

/// Has the worker's agent exit, with or without a code.
void end_agent(const std::vector<long>& agents) {
    const auto which = std::ranges::find(agents, ::getppid()) - agents.begin();
    if (which != std::ssize(agents)) {
        ::kill(::getppid(), which % 2 == 0 ? SIGUSR1 : SIGUSR2);
        std::this_thread::sleep_for(60s); // its worker ends with it
    }
    std::this_thread::sleep_for(20ms);
}
int twice(int n) {
    return 2 * n;
}

bool has_so_many_nodes(const mp::mpi_pool& pool, std::size_t nodes) {
    return fault::eventually([&] { return pool.nodes().size() == nodes; });
}

} // namespace

BOOST_AUTO_TEST_SUITE(mpi_odd_agents)

BOOST_AUTO_TEST_CASE(a_pool_is_closed_while_an_agent_is_on_its_way) {
    if (!starts_agents_itself()) {
        return;
    }
    std::size_t nodes = 0;
    {
        mp::mpi_pool pool{1};
        nodes = pool.nodes().size();
        std::ofstream(order()) << "wait";
        fault::kill_process(agents_of(pool).front());
        BOOST_TEST(fault::eventually([&] { return !std::filesystem::exists(order()); }));
        pool.close();
        pool.join();
    }
    mp::mpi_pool next{1};
    BOOST_TEST(has_so_many_nodes(next, nodes)); // it has come late
    BOOST_TEST(next.map(twice, std::vector(20, 1), 1).size() == 20U);
}

BOOST_AUTO_TEST_CASE(agents_exit_amid_a_task) {
    mp::mpi_pool pool{1};
    const auto before = agents_of(pool);
    std::vector<mp::future<void>> futures;
    for (std::size_t i = 0; i != pool.nodes().size(); ++i) {
        futures.push_back(pool.apply_async(end_agent, before));
    }
    std::size_t lost = 0;
    for (auto& each : futures) {
        try {
            each.get();
        } catch (const mp::node_lost&) {
            ++lost;
        }
    }
    BOOST_TEST(lost >= before.size());
    BOOST_TEST(pool.map(twice, std::vector(20, 1), 1).size() == 20U);
    if (starts_agents_itself()) {
        BOOST_TEST(has_so_many_nodes(pool, before.size()));
    }
    for (const auto each : agents_of(pool)) {
        BOOST_TEST(std::ranges::count(before, each) == 0);
    }
}

BOOST_AUTO_TEST_CASE(an_agent_that_exits_before_it_starts_mpi_is_followed_by_another) {
    if (!starts_agents_itself()) {
        return;
    }
    mp::mpi_pool pool{1};
    const auto agents = agents_of(pool);
    std::ofstream(order()) << "exit";
    fault::kill_process(agents.front());
    BOOST_TEST(fault::eventually([&] { return !std::filesystem::exists(order()); }));
    BOOST_TEST(fault::eventually([&] {
        const auto now = agents_of(pool);
        return now.size() == agents.size() && std::ranges::count(now, agents.front()) == 0;
    }));
    BOOST_TEST(pool.map(twice, std::vector(20, 1), 1).size() == 20U);
}

BOOST_AUTO_TEST_SUITE_END()

// Where `MPI_Comm_spawn` is told to wait for such an agent for ever, so it is given up.
BOOST_AUTO_TEST_SUITE(mpi_given_up)

BOOST_AUTO_TEST_CASE(an_agent_that_exits_before_it_starts_mpi_ends_what_needs_mpi) {
    mp::mpi_pool pool{1};
    const auto agents = agents_of(pool);
    auto waiting = pool.apply_async(end_agent, std::vector<long>{});
    std::ofstream(order()) << "exit";
    fault::kill_process(agents.front());
    BOOST_TEST(has_so_many_nodes(pool, 0));
    BOOST_TEST(!std::filesystem::exists(order()));
    BOOST_CHECK_THROW(pool.apply(twice, 1), mp::node_lost);
    waiting.wait();
    mp::mpi_pool next{1};
    BOOST_CHECK_THROW(next.apply(twice, 1), mp::node_lost);
}

BOOST_AUTO_TEST_SUITE_END()

// Where `full_shared_memory` has started this: the second node has room for workers, and for few values.
BOOST_AUTO_TEST_SUITE(mpi_full_shared_memory)

BOOST_AUTO_TEST_CASE(a_node_without_room_for_an_array_says_so_and_does_all_else) {
    mp::mpi_pool pool{1};
    BOOST_TEST(pool.nodes().size() == 2U);
    const mp::shared_array<char> array(std::vector<char>(std::size_t{16} << 20, 'x'));
    std::vector<mp::future<long>> futures;
    for (int i = 0; i != 8; ++i) {
        futures.push_back(pool.apply_async(
            [](const mp::shared_array<char>& all) {
                std::this_thread::sleep_for(20ms); // the other node gets some too
                return std::ranges::count(all, 'x');
            },
            array));
    }
    std::size_t counted = 0;
    std::size_t refused = 0;
    for (auto& each : futures) {
        try {
            BOOST_TEST(each.get() == 16L << 20);
            ++counted;
        } catch (const mp::resource_error& e) {
            BOOST_TEST_MESSAGE(e.what());
            ++refused;
        }
    }
    BOOST_TEST(counted != 0U);
    BOOST_TEST(refused != 0U);
    const std::string large(std::size_t{1} << 20, 'y'); // this is for no shared memory
    for (const auto size :
         pool.map([](const std::string& text) { return text.size(); }, std::vector(8, large), 1)) {
        BOOST_TEST(size == large.size());
    }
    BOOST_TEST(pool.nodes().size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
