// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "progress/text.hpp"

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

// What a bar and a line of progress look like.

namespace detail = multiprocessing::detail;
using detail::progress_bar;
using detail::progress_line;
using detail::progress_state;
using namespace std::chrono_literals;

BOOST_FIXTURE_TEST_SUITE(progress_text, leaves_nothing)

BOOST_AUTO_TEST_CASE(lines) {
    BOOST_TEST(progress_line({.description = "squares", .total = 1000, .done = 450, .elapsed = 12430ms}) ==
               "squares: 450/1000 (45%), 36.2/s, 0:12, 0:15 left");
    BOOST_TEST(progress_line({.total = 1000, .elapsed = 1s}) == "0/1000 (0%), 0:01");
    BOOST_TEST(progress_line({.total = 10, .done = 10, .elapsed = 2s}) == "10/10 (100%), 5/s, 0:02");
    BOOST_TEST(progress_line({.done = 7, .elapsed = 2s}) == "7, 3.5/s, 0:02");
    BOOST_TEST(progress_line({.total = 0}) == "0/0 (100%), 0:00");
}

BOOST_AUTO_TEST_CASE(rates_and_times_of_any_size) {
    BOOST_TEST(progress_line({.done = 2, .elapsed = 5s}) == "2, 2.5 s each, 0:05");
    BOOST_TEST(progress_line({.done = 1'000'000, .elapsed = 2s}) == "1000000, 500000/s, 0:02");
    BOOST_TEST(progress_line({.total = 2, .done = 1, .elapsed = 90min}) ==
               "1/2 (50%), 5.4e+03 s each, 1:30:00, 1:30:00 left");
    BOOST_TEST(
        progress_line({.done = 3, .elapsed = std::chrono::nanoseconds::max()}).ends_with(", 99:59:59"));
    BOOST_TEST(progress_line({.total = 2, .done = 3, .elapsed = 1s}) ==
               "3/2 (100%), 3/s, 0:01"); // a wrong total
}

BOOST_AUTO_TEST_CASE(bars_of_any_width) {
    const progress_state half{.description = "all", .total = 10, .done = 5, .elapsed = 5s};
    BOOST_TEST(progress_bar(half, 60) == "all:  50% [##########...........] 5/10, 1/s, 0:05, 0:05 left");
    for (std::size_t columns = 0; columns != 200; ++columns) {
        BOOST_TEST(progress_bar(half, columns).size() == columns);
    }
    BOOST_TEST(progress_bar(half, 41) == "all:  50% 5/10, 1/s, 0:05, 0:05 left     ");
    BOOST_TEST(progress_bar(half, 15) == "all:  50% 5/10,");
    BOOST_TEST(progress_bar({.done = 5, .elapsed = 5s}, 20) == "5, 1/s, 0:05        ");
}

BOOST_AUTO_TEST_CASE(is_full_at_the_end_only) {
    BOOST_TEST(progress_bar({.total = 1000, .done = 999, .elapsed = 1s}, 50).find(" 99% [") == 0U);
    BOOST_TEST(progress_bar({.total = 1000, .done = 999, .elapsed = 1s}, 50).find(".]") != std::string::npos);
    BOOST_TEST(progress_bar({.total = 1000, .done = 1000, .elapsed = 1s}, 50).find(".]") ==
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(descriptions_in_any_language) {
    const progress_state wide{.description = "\u5e73\u65b9", .total = 2, .done = 1, .elapsed = 1s};
    const auto text = progress_bar(wide, 60);
    BOOST_TEST(text.starts_with("\u5e73\u65b9:  50% ["));
    BOOST_TEST(text.size() == 62U);                 // two characters of three bytes, and two columns each
    BOOST_TEST(progress_bar(wide, 3) == "\u5e73 "); // none is cut in two
    BOOST_TEST(progress_line({.description = "a\x1b[2J\n", .done = 1}).starts_with("a?[2J?: 1"));
}

BOOST_AUTO_TEST_SUITE_END()
