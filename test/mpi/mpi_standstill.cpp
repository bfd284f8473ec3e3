// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Nodes that are lost while much is under way to and from them, of which MPI has the first part and waits for
// the rest. It costs the nodes that `mpirun` has started one.
#include <multiprocessing/mpi.hpp>

#include <multiprocessing.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;

namespace {

std::string same(const std::string& text) {
    return text;
}

void lose_agent_amid_large_values(int signal) {
    mp::mpi_pool pool{{.processes = 1, .idempotent = true}};
    const auto nodes = pool.nodes();
    const auto agent = std::ranges::find_if(nodes, [](const auto& each) { return each.agent != ::getpid(); });
    if (agent == nodes.end()) { // MPI has been given up with the test before
        return;
    }
    const auto victim = agent->agent;
    const std::vector texts(24, std::string(std::size_t{5} << 20, 'x'));
    std::size_t done = 0;
    try {
        for (const auto& each : pool.imap_unordered(same, texts)) {
            BOOST_TEST(each.size() == texts.front().size());
            if (++done == 2) {
                ::kill(static_cast<pid_t>(victim), signal);
            }
        }
    } catch (const mp::node_lost&) { // MPI has been given up, and the root, which has started it, is no node
        BOOST_TEST(pool.nodes().empty());
        return;
    }
    BOOST_TEST(done == texts.size());
    mp::mpi_pool next{1};
    BOOST_TEST(std::ranges::none_of(next.nodes(), [&](const auto& each) { return each.agent == victim; }));
    BOOST_TEST(next.apply(same, "well") == "well");
    ::kill(static_cast<pid_t>(victim), SIGKILL);
}

} // namespace

BOOST_AUTO_TEST_SUITE(mpi_standstill)

// In some of the runs MPI never returns from a call then; so it is given up.
BOOST_AUTO_TEST_CASE(an_agent_dies_amid_large_values) {
    lose_agent_amid_large_values(SIGKILL);
}

BOOST_AUTO_TEST_CASE(an_agent_stands_still_amid_large_values) {
    lose_agent_amid_large_values(SIGSTOP);
}

BOOST_AUTO_TEST_SUITE_END()
