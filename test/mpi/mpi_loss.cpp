// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What becomes of tasks when nodes are lost. Each test costs the nodes that `mpirun` has started one.
#include <multiprocessing/mpi.hpp>

#include <multiprocessing.hpp>

#include "support/fault.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

long slow(std::chrono::milliseconds pause) {
    std::this_thread::sleep_for(pause);
    return ::getppid();
}

bool starts_agents_itself() {
    return std::getenv("MULTIPROCESSING_HOSTS") != nullptr;
}

/// An agent in another process than this.
mp::mpi_node some_agent(const mp::mpi_pool& pool) {
    const auto nodes = pool.nodes();
    return *std::ranges::find_if(nodes, [](const auto& each) { return each.agent != ::getpid(); });
}

} // namespace

BOOST_AUTO_TEST_SUITE(mpi_loss)

BOOST_AUTO_TEST_CASE(tasks_of_a_lost_node_fail_or_run_elsewhere) {
    mp::mpi_pool pool{1};
    const auto before = pool.nodes();
    const auto victim = some_agent(pool);
    std::vector<mp::future<long>> mortal;
    std::vector<mp::future<long>> idempotent;
    for (std::size_t i = 0; i != before.size(); ++i) {
        mortal.push_back(pool.apply_async(slow, 400ms));
    }
    for (std::size_t i = 0; i != before.size(); ++i) {
        idempotent.push_back(pool.apply_async({.idempotent = true}, slow, 10ms));
    }
    std::this_thread::sleep_for(100ms);
    const auto workers = fault::descendants_of(victim.agent);
    fault::kill_process(victim.agent);
    fault::check_that_they_are_gone(workers); // its workers end with it
    std::size_t lost = 0;
    for (auto& each : mortal) {
        try {
            BOOST_TEST(each.get() != victim.agent);
        } catch (const mp::node_lost& e) {
            ++lost;
            BOOST_TEST(std::string(e.what()).find(victim.host) != std::string::npos);
        }
    }
    BOOST_TEST(lost == 1u);
    for (auto& each : idempotent) {
        BOOST_TEST(each.get() != 0);
    }
    if (starts_agents_itself()) { // the host gets another one
        BOOST_TEST(fault::eventually([&] { return pool.nodes().size() == before.size(); }));
        BOOST_TEST(std::ranges::count(pool.nodes(), victim) == 0);
    } else {
        BOOST_TEST(pool.nodes().size() == before.size() - 1);
    }
    BOOST_TEST(pool.map(slow, std::vector(20, 1ms), 1).size() == 20u);
}

BOOST_AUTO_TEST_CASE(tasks_in_great_number_survive_the_loss) {
    mp::mpi_pool pool{{.processes = 1, .idempotent = true}};
    const auto victim = some_agent(pool);
    std::vector<mp::future<long>> futures;
    for (int i = 0; i != 2000; ++i) {
        futures.push_back(pool.apply_async(slow, 0ms));
        if (i == 1000) {
            fault::kill_process(victim.agent);
        }
    }
    for (auto& each : futures) {
        BOOST_TEST(each.get() != 0);
    }
    // A pool made afterwards knows nothing of the lost one.
    mp::mpi_pool next{1};
    BOOST_TEST(next.apply(slow, 0ms) != 0);
    BOOST_TEST(std::ranges::count(next.nodes(), victim) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
