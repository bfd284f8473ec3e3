// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/freest.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <random>
#include <set>
#include <utility>

namespace detail = multiprocessing::detail;

BOOST_FIXTURE_TEST_SUITE(freest, leaves_nothing)

BOOST_AUTO_TEST_CASE(the_least_number_is_found_whatever_comes_and_goes) {
    for (const std::size_t bound : {1U, 63U, 64U, 65U, 4096U, 4097U, 300'000U}) { // at the edges of levels
        detail::index_set numbers(bound);
        std::set<std::size_t> expected;
        BOOST_TEST(numbers.empty());
        std::mt19937_64 random(bound);
        for (int i = 0; i != 2000; ++i) {
            // Few of all, so that words become empty again.
            const auto number = (random() % 20) * (bound / 20 + 1) % bound;
            if (random() % 2 == 0) {
                numbers.insert(number);
                expected.insert(number);
            } else {
                numbers.erase(number);
                expected.erase(number);
            }
            BOOST_TEST_REQUIRE(numbers.empty() == expected.empty());
            if (!expected.empty()) {
                BOOST_TEST_REQUIRE(numbers.least() == *expected.begin());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(the_freest_place_is_the_first_of_those_with_the_fewest_tasks) {
    detail::places_with_room places(200, 3);
    const auto freest = [&] {
        const auto found = places.freest();
        return found ? std::pair(found->place, found->load) : std::pair(std::size_t{999}, std::size_t{999});
    };
    const auto expect = [&](std::size_t place, std::size_t load) {
        BOOST_TEST((freest() == std::pair(place, load)));
    };
    expect(999, 999); // none has room
    places.insert(150, 1);
    expect(150, 1);
    places.insert(7, 2);
    places.insert(199, 1);
    expect(150, 1);
    places.erase(150, 1);
    expect(199, 1);
    places.insert(160, 0);
    expect(160, 0);
    places.erase(160, 0);
    places.erase(199, 1);
    expect(7, 2);
    places.erase(7, 2);
    expect(999, 999);
}

BOOST_AUTO_TEST_SUITE_END()
