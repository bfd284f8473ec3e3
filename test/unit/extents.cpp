// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Which parts of a memory are free.
#include "wire/extents.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <random>
#include <utility>
#include <vector>

namespace detail = multiprocessing::detail;

BOOST_FIXTURE_TEST_SUITE(extents, leaves_nothing)

BOOST_AUTO_TEST_CASE(the_first_that_is_large_enough_is_taken) {
    detail::extents memory(100);
    BOOST_TEST(memory.take(30).value() == 0U);
    BOOST_TEST(memory.take(30).value() == 30U);
    memory.give_back(0);
    BOOST_TEST(memory.take(35).value() == 60U);
    BOOST_TEST(memory.take(20).value() == 0U);
}

BOOST_AUTO_TEST_CASE(there_is_no_more_than_there_is) {
    detail::extents memory(100);
    BOOST_TEST(!memory.take(101).has_value());
    BOOST_TEST(memory.take(100).value() == 0U);
    BOOST_TEST(!memory.take(1).has_value());
    memory.give_back(0);
    BOOST_TEST(memory.take(100).value() == 0U);
}

BOOST_AUTO_TEST_CASE(what_is_given_back_grows_together) {
    for (const auto& order :
         std::vector<std::vector<std::size_t>>{{0, 1, 2}, {2, 1, 0}, {0, 2, 1}, {1, 0, 2}}) {
        detail::extents memory(90);
        for (int i = 0; i != 3; ++i) {
            BOOST_TEST(memory.take(30).has_value());
        }
        for (const auto part : order) {
            memory.give_back(part * 30);
        }
        BOOST_TEST(memory.take(90).value() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(nobody_gets_what_another_has) {
    constexpr std::size_t size = 1000;
    detail::extents memory(size);
    std::vector<bool> used(size);
    std::vector<std::pair<std::size_t, std::size_t>> taken;
    std::minstd_rand random(1);
    for (int i = 0; i != 10'000; ++i) {
        const std::size_t count = 1 + random() % 100;
        if (const auto offset = memory.take(count)) {
            for (auto at = *offset; at != *offset + count; ++at) {
                BOOST_TEST_REQUIRE((at < size && !used[at]));
                used[at] = true;
            }
            taken.emplace_back(*offset, count);
        } else {
            const auto victim = taken.begin() + static_cast<std::ptrdiff_t>(random() % taken.size());
            memory.give_back(victim->first);
            std::fill_n(used.begin() + static_cast<std::ptrdiff_t>(victim->first), victim->second, false);
            taken.erase(victim);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
