// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/context.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <sched.h>
#include <thread>
#include <unistd.h>

namespace mp = multiprocessing;

BOOST_FIXTURE_TEST_SUITE(context, leaves_nothing)

BOOST_AUTO_TEST_CASE(there_is_at_least_one_cpu) {
    BOOST_TEST(mp::cpu_count() >= 1U);
}

BOOST_AUTO_TEST_CASE(there_are_no_more_cpus_than_the_affinity_mask_has) {
    cpu_set_t mask;
    BOOST_TEST_REQUIRE(::sched_getaffinity(0, sizeof mask, &mask) == 0);
    BOOST_TEST(mp::cpu_count() <= static_cast<std::size_t>(CPU_COUNT(&mask)));
}

BOOST_AUTO_TEST_CASE(a_restricted_affinity_mask_is_respected) {
    // A mask belongs to a thread, so this one leaves nothing behind.
    std::size_t counted = 0;
    std::thread([&counted] {
        cpu_set_t only_here;
        CPU_ZERO(&only_here);
        CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &only_here);
        if (::sched_setaffinity(0, sizeof only_here, &only_here) == 0) {
            counted = mp::cpu_count();
        }
    }).join();
    BOOST_TEST(counted == 1U);
}

BOOST_AUTO_TEST_CASE(a_process_not_started_by_the_library_is_main_and_has_no_parent) {
    BOOST_TEST(mp::current_process().pid() == ::getpid());
    BOOST_TEST(mp::current_process().name() == "main");
    BOOST_TEST(!mp::parent_process());
}

BOOST_AUTO_TEST_CASE(there_are_no_active_children_where_none_was_started) {
    BOOST_TEST(mp::active_children().empty());
}

BOOST_AUTO_TEST_SUITE_END()
