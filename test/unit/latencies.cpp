// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/latencies.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>

// How long tasks take.

namespace detail = multiprocessing::detail;
using seen_latencies = detail::latencies;
using namespace std::chrono_literals;

namespace {

/// Whether it is right to within a thirtieth.
bool is_about(std::chrono::nanoseconds value, std::chrono::nanoseconds wanted) {
    return (value > wanted ? value - wanted : wanted - value) <= wanted / 30;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(latencies, leaves_nothing)

BOOST_AUTO_TEST_CASE(none_at_first) {
    BOOST_TEST(seen_latencies().percentile(0.5).count() == 0);
}

BOOST_AUTO_TEST_CASE(short_ones_are_exact) {
    for (std::int64_t n = 0; n != 32; ++n) {
        seen_latencies seen;
        seen.add(std::chrono::nanoseconds(n));
        BOOST_TEST(seen.percentile(1).count() == n);
    }
}

BOOST_AUTO_TEST_CASE(of_any_length) {
    auto longest = std::chrono::nanoseconds::max();
    for (auto n = 1ns; n < longest / 3; n = 3 * n + 1ns) {
        seen_latencies seen;
        seen.add(n);
        BOOST_TEST(is_about(seen.percentile(0.5), n), n.count());
        BOOST_TEST(is_about(seen.percentile(1), n), n.count());
    }
    seen_latencies seen;
    seen.add(longest);
    BOOST_TEST(is_about(seen.percentile(0.5), longest));
    seen.add(-1s);
    BOOST_TEST(seen.percentile(0.5).count() == 0);
}

BOOST_AUTO_TEST_CASE(percentiles) {
    seen_latencies seen;
    for (int i = 1; i <= 1000; ++i) {
        seen.add(i * 1us);
    }
    BOOST_TEST(is_about(seen.percentile(0.5), 500us));
    BOOST_TEST(is_about(seen.percentile(0.9), 900us));
    BOOST_TEST(is_about(seen.percentile(0.99), 990us));
    BOOST_TEST(is_about(seen.percentile(0.0001), 1us));
}

BOOST_AUTO_TEST_CASE(one_may_stand_for_several) {
    seen_latencies seen;
    seen.add(1ms, 99);
    seen.add(1s);
    BOOST_TEST(is_about(seen.percentile(0.99), 1ms));
    BOOST_TEST(is_about(seen.percentile(1), 1s));
}

BOOST_AUTO_TEST_CASE(a_sample_of_many) {
    detail::timed_sample sample;
    std::uint64_t taken = 0;
    std::uint64_t represented = 0;
    std::uint64_t in_rhythm = 0; // of those that could be every sixteenth
    constexpr std::uint64_t tasks = 100'000;
    for (std::uint64_t number = 1; number <= tasks; ++number) {
        if (sample.has(number)) {
            ++taken;
            represented += detail::timed_sample::weight(number);
            in_rhythm += number % detail::timed_sample::one_of == 0 ? 1 : 0;
        } else {
            BOOST_TEST(number > detail::timed_sample::all_of_the_first);
        }
    }
    BOOST_TEST(taken < tasks / 10);
    BOOST_TEST((represented > tasks * 9 / 10 && represented < tasks * 11 / 10), represented);
    BOOST_TEST((in_rhythm > taken / 32 && in_rhythm < taken / 8), in_rhythm);
}

BOOST_AUTO_TEST_SUITE_END()
