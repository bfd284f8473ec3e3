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

} // namespace

BOOST_AUTO_TEST_SUITE(mpi_standstill)

BOOST_AUTO_TEST_CASE(an_agent_stands_still_amid_large_values) {
    mp::mpi_pool pool{{.processes = 1, .idempotent = true}};
    const auto nodes = pool.nodes();
    const auto victim =
        std::ranges::find_if(nodes, [](const auto& each) { return each.agent != ::getpid(); })->agent;
    const std::vector texts(24, std::string(std::size_t{5} << 20, 'x'));
    std::size_t done = 0;
    for (const auto& each : pool.imap_unordered(same, texts)) {
        BOOST_TEST(each.size() == texts.front().size());
        if (++done == 2) {
            ::kill(static_cast<pid_t>(victim), SIGSTOP);
        }
    }
    BOOST_TEST(done == texts.size());
    mp::mpi_pool next{1};
    BOOST_TEST(std::ranges::none_of(next.nodes(), [&](const auto& each) { return each.agent == victim; }));
    BOOST_TEST(next.apply(same, "well") == "well");
    ::kill(static_cast<pid_t>(victim), SIGKILL);
}

BOOST_AUTO_TEST_SUITE_END()
