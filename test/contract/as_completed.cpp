// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/as_completed.hpp>

#include <multiprocessing/pool.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <iterator>
#include <list>
#include <map>
#include <optional>
#include <ranges>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using futures = std::vector<mp::future<int>>;

int twice(int n) {
    return 2 * n;
}
/// Every third dies, the next one throws.
int end_badly(int n) {
    if (n % 3 == 0) {
        std::raise(SIGKILL);
    }
    if (n % 3 == 1) {
        throw std::out_of_range("far out");
    }
    return n;
}

struct with_pool : leaves_nothing {
    mp::pool pool{2};

    futures doubled(int count) {
        futures result;
        for (int n = 0; n != count; ++n) {
            result.push_back(pool.apply_async(twice, n));
        }
        return result;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(as_completed, with_pool)

BOOST_AUTO_TEST_CASE(futures_come_in_the_order_in_which_they_become_ready) {
    std::vector<gate> gates(2);
    futures all;
    all.push_back(pool.apply_async(pass_gate, gates[0], 0));
    all.push_back(pool.apply_async(pass_gate, gates[1], 1));
    gates[1].open();
    std::vector<int> got;
    for (auto& f : mp::as_completed(all)) {
        BOOST_TEST(f.ready());
        got.push_back(f.get());
        gates[0].open();
    }
    BOOST_TEST(got == (std::vector{1, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(those_that_are_ready_come_first_and_in_their_order) {
    auto all = doubled(3);
    mp::wait_all(all);
    std::vector<int> got;
    for (auto& f : mp::as_completed(all, 0s)) {
        got.push_back(f.get());
    }
    BOOST_TEST(got == (std::vector{0, 2, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(they_are_the_callers_own) {
    auto all = doubled(5);
    std::set<const mp::future<int>*> got;
    for (auto& f : mp::as_completed(all)) {
        got.insert(&f);
    }
    BOOST_TEST(got.size() == 5U);
    for (std::size_t i = 0; i != all.size(); ++i) {
        BOOST_TEST(got.contains(&all[i]));
        BOOST_TEST(all[i].get() == 2 * static_cast<int>(i));
    }
}

BOOST_AUTO_TEST_CASE(those_of_an_rvalue_are_kept) {
    int sum = 0;
    for (auto& f : mp::as_completed(doubled(5))) {
        sum += f.get();
    }
    BOOST_TEST(sum == 20);
    auto range = mp::as_completed(doubled(5), 1h);
    auto it = range.begin();
    const auto moved = std::move(range);
    BOOST_TEST((*it).valid());
}

BOOST_AUTO_TEST_CASE(each_comes_once_while_others_are_becoming_ready) {
    auto all = doubled(5000);
    std::vector<int> got;
    for (auto& f : mp::as_completed(all)) {
        got.push_back(f.get());
    }
    std::ranges::sort(got);
    BOOST_TEST_REQUIRE(got.size() == 5000U);
    for (int n = 0; n != 5000; ++n) {
        BOOST_TEST(got[static_cast<std::size_t>(n)] == 2 * n);
    }
}

BOOST_AUTO_TEST_CASE(leaving_early_leaves_the_others_as_they_are) {
    gate g;
    futures all;
    all.push_back(pool.apply_async(pass_gate, g, 5));
    all.push_back(pool.apply_async(twice, 1));
    for (auto& f : mp::as_completed(all)) {
        BOOST_TEST(f.get() == 2);
        break;
    }
    BOOST_TEST(!all[0].ready());
    g.open();
    BOOST_TEST(all[0].get() == 5);
}

BOOST_AUTO_TEST_CASE(of_none_there_are_none) {
    for ([[maybe_unused]] auto& f : mp::as_completed(futures())) {
        BOOST_ERROR("there is none");
    }
}

BOOST_AUTO_TEST_CASE(one_without_an_outcome_to_wait_for_is_refused) {
    auto all = doubled(2);
    all.emplace_back();
    BOOST_CHECK_THROW((void)mp::as_completed(all), std::logic_error);
    BOOST_TEST(all[1].get() == 2);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_time_is_an_error_of_its_own) {
    gate g;
    futures all;
    all.push_back(pool.apply_async(pass_gate, g, 5));
    all.push_back(pool.apply_async(twice, 1));
    all[1].wait();
    auto range = mp::as_completed(all, 1ms);
    auto it = range.begin(); // ready, whatever the time
    BOOST_TEST((*it).get() == 2);
    BOOST_CHECK_EXCEPTION(++it, mp::wait_timed_out, [](const mp::wait_timed_out& e) {
        return std::string(e.what()).find("1 of 2 futures") != std::string::npos;
    });
    g.open();
    all[0].wait();
    ++it; // looks again
    BOOST_TEST((*it).get() == 5);
    ++it;
    BOOST_TEST((it == range.end()));
}

BOOST_AUTO_TEST_CASE(the_time_may_be_over_before_the_first) {
    gate g;
    futures all;
    all.push_back(pool.apply_async(pass_gate, g, 5));
    auto range = mp::as_completed(all, std::chrono::system_clock::now());
    BOOST_CHECK_THROW((void)range.begin(), mp::wait_timed_out);
    g.open();
    all[0].wait();
    BOOST_TEST((*range.begin()).get() == 5);
}

BOOST_AUTO_TEST_CASE(bad_ends_come_as_well) {
    futures all;
    for (int n = 0; n != 12; ++n) {
        all.push_back(pool.apply_async(end_badly, n));
    }
    std::size_t died = 0;
    std::size_t threw = 0;
    std::size_t returned = 0;
    for (auto& f : mp::as_completed(all, 1min)) {
        try {
            (void)f.get();
            ++returned;
        } catch (const mp::worker_died&) {
            ++died;
        } catch (const std::out_of_range&) {
            ++threw;
        }
    }
    BOOST_TEST(died == 4U);
    BOOST_TEST(threw == 4U);
    BOOST_TEST(returned == 4U);
}

BOOST_AUTO_TEST_CASE(the_end_of_the_pool_completes_them_all) {
    gate g;
    futures all;
    std::optional<mp::pool> other(1);
    for (int n = 0; n != 3; ++n) {
        all.push_back(other->apply_async(pass_gate, g, n));
    }
    auto range = mp::as_completed(all);
    other.reset();
    for (auto& f : range) {
        BOOST_CHECK_THROW((void)f.get(), mp::pool_terminated);
    }
}

BOOST_AUTO_TEST_CASE(futures_may_be_cancelled_and_taken_meanwhile) {
    gate g;
    futures all;
    all.push_back(pool.apply_async(twice, 1));
    all.push_back(pool.apply_async(pass_gate, g, 2));
    auto range = mp::as_completed(all);
    auto it = range.begin();
    BOOST_TEST((*it).get() == 2);
    BOOST_TEST(all[1].cancel());
    auto taken = std::move(all[1]);
    ++it;
    BOOST_TEST((&*it == &all[1]));
    BOOST_TEST(!(*it).valid());
    BOOST_CHECK_THROW((void)taken.get(), mp::task_cancelled);
}

BOOST_AUTO_TEST_CASE(futures_lie_in_ranges_of_all_kinds) {
    std::list<mp::future<void>> list;
    list.push_back(pool.apply_async([] {}));
    for (auto& f : mp::as_completed(list)) {
        f.get();
    }
    std::map<std::string, mp::future<int>> by_name;
    by_name.emplace("a", pool.apply_async(twice, 1));
    by_name.emplace("b", pool.apply_async(twice, 2));
    int sum = 0;
    for (auto& f : mp::as_completed(by_name | std::views::values)) {
        sum += f.get();
    }
    BOOST_TEST(sum == 6);
    mp::future<int> array[] = {pool.apply_async(twice, 1)};
    const auto& constant = array;
    for (const mp::future<int>& f : mp::as_completed(constant)) {
        BOOST_TEST(f.successful());
    }
}

BOOST_AUTO_TEST_CASE(it_is_an_input_range_and_works_with_views) {
    static_assert(std::ranges::input_range<decltype(mp::as_completed(std::declval<futures&>()))>);
    static_assert(std::ranges::input_range<decltype(mp::as_completed(std::declval<const futures&>()))>);
    static_assert(std::ranges::input_range<decltype(mp::as_completed(futures()))>);
    static_assert(std::ranges::viewable_range<decltype(mp::as_completed(futures()))>);
    auto all = doubled(4);
    const auto value = [](mp::future<int>& f) { return f.get(); };
    int sum = 0;
    for (const int n : mp::as_completed(all) | std::views::transform(value)) {
        sum += n;
    }
    BOOST_TEST(sum == 12);
    all = doubled(4);
    BOOST_TEST(std::ranges::all_of(mp::as_completed(all), &mp::future<int>::successful));
}

BOOST_AUTO_TEST_SUITE_END()
