// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include <multiprocessing/error.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <concepts>
#include <iterator>
#include <memory>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

int twice(int n) {
    return 2 * n;
}
int fail_at_2(int n) {
    if (n == 2) {
        throw std::out_of_range("two");
    }
    return n;
}

template <class Range>
std::vector<int> all_of(Range&& range) {
    std::vector<int> result;
    for (const int n : range) {
        result.push_back(n);
    }
    return result;
}

struct with_pool : leaves_nothing {
    mp::pool pool{{.processes = 2, .task_queue_capacity = 8}};
};

using numbers = std::vector<int>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_imap, with_pool)

BOOST_AUTO_TEST_CASE(imap_gives_results_in_the_order_of_the_elements) {
    BOOST_TEST(all_of(pool.imap(twice, numbers{0, 1, 2, 3})) == (numbers{0, 2, 4, 6}),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(imap_gives_more_results_than_are_in_flight) {
    const auto got = all_of(pool.imap(twice, std::views::iota(0, 1000)));
    BOOST_TEST(got.size() == 1000U);
    BOOST_TEST(std::ranges::is_sorted(got));
    BOOST_TEST(got.back() == 1998);
}

BOOST_AUTO_TEST_CASE(imap_of_nothing_gives_nothing) {
    BOOST_TEST(all_of(pool.imap(twice, numbers())).empty());
    BOOST_TEST(all_of(pool.imap_unordered(twice, numbers())).empty());
}

BOOST_AUTO_TEST_CASE(imap_reads_an_endless_input_only_a_bounded_way_ahead) {
    int read = 0;
    auto input = std::views::iota(0) | std::views::transform([&read](int n) {
                     read = n + 1;
                     return n;
                 });
    int taken = 0;
    for (const int n : pool.imap(twice, input)) {
        BOOST_TEST(n == 2 * taken);
        if (++taken == 20) {
            break;
        }
    }
    BOOST_TEST(read >= 20);
    BOOST_TEST(read <= 20 + 8); // what the task queue holds
}

BOOST_AUTO_TEST_CASE(imap_unordered_takes_an_endless_input) {
    std::set<int> got;
    for (const int n : pool.imap_unordered(twice, std::views::iota(0))) {
        got.insert(n);
        if (got.size() == 100) {
            break;
        }
    }
    BOOST_TEST(got.size() == 100U);
}

BOOST_AUTO_TEST_CASE(imap_unordered_gives_every_result_once) {
    auto got = all_of(pool.imap_unordered(twice, std::views::iota(0, 500)));
    BOOST_TEST(got.size() == 500U);
    std::ranges::sort(got);
    for (int n = 0; n != 500; ++n) {
        BOOST_TEST(got[static_cast<std::size_t>(n)] == 2 * n);
    }
}

BOOST_AUTO_TEST_CASE(imap_unordered_gives_results_as_they_come) {
    gate g;
    const auto hold_back_0 = [](std::pair<gate, int> element) {
        if (element.second == 0) {
            element.first.pass();
        }
        return element.second;
    };
    std::vector<std::pair<gate, int>> input{{g, 0}, {g, 1}, {g, 2}};
    std::vector<int> got;
    for (const int n : pool.imap_unordered(hold_back_0, input)) {
        got.push_back(n);
        if (got.size() == 2) {
            g.open(); // only after the others have come
        }
    }
    BOOST_TEST(got.back() == 0);
}

BOOST_AUTO_TEST_CASE(imap_waits_for_the_first_although_others_are_done) {
    gate g;
    const auto hold_back_0 = [](std::pair<gate, int> element) {
        if (element.second == 0) {
            element.first.pass();
        }
        return element.second;
    };
    std::vector<std::pair<gate, int>> input{{g, 0}, {g, 1}, {g, 2}};
    auto results = pool.imap(hold_back_0, input);
    g.open();
    BOOST_TEST(all_of(results) == (numbers{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_failed_task_throws_where_its_result_would_be) {
    auto results = pool.imap(fail_at_2, numbers{0, 1, 2, 3});
    auto it = results.begin();
    BOOST_TEST(*it == 0);
    ++it;
    BOOST_TEST(*it == 1);
    BOOST_CHECK_THROW(++it, std::out_of_range);
    ++it; // and goes on behind it
    BOOST_TEST(*it == 3);
    ++it;
    BOOST_TEST((it == results.end()));
}

BOOST_AUTO_TEST_CASE(a_task_that_fails_first_throws_from_begin) {
    auto results = pool.imap(fail_at_2, numbers{2, 3});
    BOOST_CHECK_THROW((void)results.begin(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(imap_unordered_throws_the_error_of_a_task) {
    int got = 0;
    BOOST_CHECK_THROW(
        for (const int n
             : pool.imap_unordered(fail_at_2, numbers{2, 2, 2})) { got += n; },
        std::out_of_range);
    BOOST_TEST(got == 0);
}

BOOST_AUTO_TEST_CASE(leaving_the_loop_early_leaves_the_pool_usable) {
    for ([[maybe_unused]] const int n : pool.imap(twice, std::views::iota(0))) {
        break;
    }
    for ([[maybe_unused]] const int n : pool.imap_unordered(twice, std::views::iota(0))) {
        break;
    }
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(never_iterating_starts_nothing) {
    {
        auto results = pool.imap(twice, numbers{1, 2});
        (void)results;
    }
    BOOST_TEST(pool.stats().done == 0U);
    BOOST_TEST(pool.stats().queued == 0U);
}

BOOST_AUTO_TEST_CASE(results_may_be_moved_out) {
    std::vector<std::unique_ptr<int>> got;
    for (auto& p : pool.imap([](int n) { return std::make_unique<int>(n); }, numbers{1, 2})) {
        got.push_back(std::move(p));
    }
    BOOST_TEST(*got.at(1) == 2);
}

BOOST_AUTO_TEST_CASE(a_function_that_returns_nothing_gives_something_to_count) {
    int count = 0;
    for (auto&& nothing : pool.imap([](int) {}, numbers{1, 2, 3})) {
        static_assert(std::same_as<std::decay_t<decltype(nothing)>, std::monostate>);
        ++count;
    }
    BOOST_TEST(count == 3);
}

BOOST_AUTO_TEST_CASE(inputs_of_all_kinds) {
    const numbers expected{0, 2, 4};
    numbers input{0, 1, 2};
    const auto constant = input;
    std::istringstream text("0 1 2");
    BOOST_TEST((all_of(pool.imap(twice, input)) == expected));
    BOOST_TEST((all_of(pool.imap(twice, constant)) == expected));
    BOOST_TEST((all_of(pool.imap(twice, input | std::views::filter([](int) { return true; }))) == expected));
    BOOST_TEST((all_of(pool.imap(twice, std::views::istream<int>(text))) == expected));
}

BOOST_AUTO_TEST_CASE(elements_of_all_kinds) {
    const auto size = [](const std::string& s) { return static_cast<int>(s.size()); };
    BOOST_TEST((all_of(pool.imap(size, std::vector{"a", "bb"})) == numbers{1, 2}));
    BOOST_TEST((all_of(pool.imap(size, std::vector<std::string>{"a", "bb"})) == numbers{1, 2}));
}

BOOST_AUTO_TEST_CASE(results_are_an_input_range) {
    static_assert(std::ranges::input_range<decltype(pool.imap(twice, numbers()))>);
    static_assert(std::ranges::input_range<decltype(pool.imap_unordered(twice, std::views::iota(0)))>);
    static_assert(std::ranges::viewable_range<decltype(pool.imap(twice, numbers()))>);
    int sum = 0;
    std::ranges::for_each(pool.imap(twice, numbers{1, 2, 3}), [&](int n) { sum += n; });
    BOOST_TEST(sum == 12);
}

BOOST_AUTO_TEST_CASE(results_work_with_views) {
    auto results = pool.imap(twice, std::views::iota(0)); // one with a name is referred to
    numbers got;
    for (const int n : results | std::views::filter([](int n) { return n % 3 == 0; }) |
                           std::views::transform([](int n) { return n + 1; }) | std::views::take(3)) {
        got.push_back(n);
    }
    BOOST_TEST(got == (numbers{1, 7, 13}), boost::test_tools::per_element());
    got.clear();
    for (const int n : pool.imap(twice, std::views::iota(0)) | std::views::drop(1) | std::views::take(2)) {
        got.push_back(n);
    }
    BOOST_TEST(got == (numbers{2, 4}), boost::test_tools::per_element());
    std::set<int> any;
    for (const int n : pool.imap_unordered(twice, std::views::iota(0, 10)) |
                           std::views::transform([](int n) { return n / 2; })) {
        any.insert(n);
    }
    BOOST_TEST(any.size() == 10U);
}

BOOST_AUTO_TEST_CASE(results_work_with_algorithms) {
    numbers got;
    std::ranges::copy(pool.imap(twice, numbers{1, 2}), std::back_inserter(got));
    BOOST_TEST(got == (numbers{2, 4}), boost::test_tools::per_element());
    BOOST_TEST(std::ranges::count_if(pool.imap_unordered(twice, std::views::iota(0, 10)),
                                     [](int n) { return n < 10; }) == 5);
    auto results = pool.imap(twice, std::views::iota(0)); // without an end
    BOOST_TEST(*std::ranges::find(results, 40) == 40);
    BOOST_TEST(std::ranges::equal(pool.imap(twice, numbers{1, 2}), numbers{2, 4}));
}

BOOST_AUTO_TEST_CASE(results_may_be_moved_while_they_are_iterated_over) {
    auto first = pool.imap(twice, numbers{0, 1, 2});
    auto it = first.begin();
    auto second = std::move(first);
    ++it;
    BOOST_TEST(*it == 2);
    BOOST_TEST(all_of(second) == (numbers{2, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(two_of_them_may_be_taken_in_turn) {
    auto first = pool.imap(twice, std::views::iota(0, 50));
    auto second = pool.imap(twice, std::views::iota(100, 150));
    auto b = second.begin();
    for (const int n : first) {
        BOOST_TEST(*b == n + 200);
        ++b;
    }
}

BOOST_AUTO_TEST_CASE(closing_the_pool_meanwhile_is_an_error_where_the_next_would_be_submitted) {
    auto results = pool.imap(twice, std::views::iota(0));
    auto it = results.begin();
    BOOST_TEST(*it == 0);
    pool.close();
    BOOST_CHECK_THROW(++it, mp::pool_closed);
}

BOOST_AUTO_TEST_SUITE_END()
