// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/gate.hpp"

#include "support/leaves_nothing.hpp"

#include <multiprocessing/error.hpp>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;

BOOST_FIXTURE_TEST_SUITE(gate, leaves_nothing)

BOOST_AUTO_TEST_CASE(lets_one_in_at_a_time) {
    detail::gate gate;
    // Atomic, for the thread sanitizer of GCC 12 does not know the function that the gate is locked with.
    std::atomic<int> inside{0};
    std::atomic<int> times{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round != 10'000; ++round) {
                const std::lock_guard held(gate);
                times.store(times.load() + inside.fetch_add(1) + 1);
                inside.fetch_sub(1);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(times == 40'000);
}

BOOST_AUTO_TEST_CASE(lets_the_next_one_in_when_one_has_died_inside_and_tells) {
    detail::gate gate;
    for (int i = 0; i != 2; ++i) {
        std::thread([&] { gate.lock(); }).join(); // the lock belongs to a thread
        BOOST_TEST(gate.lock());
        gate.unlock();
        BOOST_TEST(!gate.lock());
        gate.unlock();
    }
}

BOOST_AUTO_TEST_CASE(tells_again_when_the_one_who_was_told_has_died_as_well) {
    detail::gate gate;
    for (int i = 0; i != 3; ++i) {
        std::thread([&] { gate.lock(); }).join();
    }
    BOOST_TEST(gate.lock());
    gate.unlock();
}

BOOST_AUTO_TEST_CASE(is_closed_for_good_by_one_who_stays_inside_for_too_long) {
    detail::gate gate;
    gate.lock();
    std::string why;
    std::thread([&] {
        try {
            gate.lock();
        } catch (const mp::queue_broken& e) {
            why = e.what();
        }
        BOOST_CHECK_THROW(gate.lock(), mp::queue_broken);
    }).join();
    BOOST_TEST(why.find("stopped") != std::string::npos, why);
    gate.unlock(); // it goes on
    BOOST_CHECK_THROW(gate.lock(), mp::queue_broken);
    BOOST_CHECK_THROW(gate.lock(), mp::queue_broken); // and not that it is held already
}

BOOST_AUTO_TEST_SUITE_END()
