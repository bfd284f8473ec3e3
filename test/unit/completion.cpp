// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/completion.hpp>

#include <multiprocessing/error.hpp>

#include "support/leaves_nothing.hpp"
#include "support/outcomes.hpp"

#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using detail::steady_time;

namespace {

detail::payload value(int n) {
    return outcome_of([](int same) { return same; }, n);
}
detail::payload thrown() {
    return outcome_of([] { throw std::out_of_range("far out"); });
}
void fail(detail::completion& c) {
    c.fail(std::make_exception_ptr(mp::pool_terminated("terminated")));
    c.part_is_complete();
}

std::vector<int> values_in(detail::completion& c) {
    c.wait_for_success();
    std::vector<int> result;
    for (std::size_t part = 0; part != c.parts(); ++part) {
        result.push_back(mp::decode<int>(c.value_of(part)));
    }
    return result;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(completion, leaves_nothing)

BOOST_AUTO_TEST_CASE(is_ready_with_its_only_part) {
    detail::completion c;
    BOOST_TEST(!c.ready());
    deliver(c, 0, value(5));
    BOOST_TEST(c.ready());
    BOOST_TEST(c.succeeded());
    BOOST_TEST(values_in(c) == std::vector{5}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(is_completed_by_those_who_run_nothing_unless_there_is_something_to_run) {
    detail::completion plain(2);
    plain.deliver(0, value(1));
    BOOST_TEST(plain.complete_unless_hooked());
    BOOST_TEST(!plain.ready());
    std::jthread waiting([&] { plain.wait(); });
    plain.deliver(1, value(2));
    BOOST_TEST(plain.complete_unless_hooked());
    BOOST_TEST(plain.ready());

    detail::completion hooked;
    bool has_run = false;
    hooked.on_ready([&] { has_run = true; });
    hooked.deliver(0, value(3));
    BOOST_TEST(!hooked.complete_unless_hooked());
    BOOST_TEST(!hooked.ready());
    BOOST_TEST(!has_run);
    hooked.part_is_complete();
    BOOST_TEST(hooked.ready());
    BOOST_TEST(has_run);
}

BOOST_AUTO_TEST_CASE(without_parts_is_ready_from_the_start) {
    detail::completion c(0);
    BOOST_TEST(c.ready());
    BOOST_TEST(c.succeeded());
    BOOST_TEST(values_in(c).empty());
}

BOOST_AUTO_TEST_CASE(is_ready_with_the_last_part_and_keeps_their_order) {
    detail::completion c(3);
    deliver(c, 2, value(2));
    deliver(c, 0, value(0));
    BOOST_TEST(!c.ready());
    deliver(c, 1, value(1));
    BOOST_TEST(c.ready());
    BOOST_TEST(values_in(c) == (std::vector{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_failure_still_waits_for_the_other_parts) {
    detail::completion c(2);
    fail(c);
    BOOST_TEST(!c.ready());
    deliver(c, 1, value(1));
    BOOST_TEST(c.ready());
    BOOST_TEST(!c.succeeded());
    BOOST_CHECK_THROW(c.wait_for_success(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(the_first_failure_to_arrive_is_the_outcome) {
    detail::completion c(3);
    deliver(c, 2, thrown());
    fail(c);
    deliver(c, 0, value(0));
    BOOST_CHECK_THROW(c.wait_for_success(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(rubbish_instead_of_an_outcome_is_a_failure) {
    detail::completion c;
    static constexpr std::byte rubbish[] = {std::byte{77}};
    deliver(c, 0, {nullptr, rubbish});
    BOOST_TEST(!c.succeeded());
    BOOST_CHECK_THROW(c.wait_for_success(), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(a_wait_ends_at_its_deadline) {
    const detail::completion c;
    BOOST_TEST(!c.wait_until(steady_time::min()));
    BOOST_TEST(!c.wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(1)));
}

BOOST_AUTO_TEST_CASE(a_wait_ends_with_the_last_part) {
    detail::completion c;
    std::thread other([&] { deliver(c, 0, value(5)); });
    c.wait();
    BOOST_TEST(c.ready());
    other.join();
}

BOOST_AUTO_TEST_CASE(taking_waits) {
    detail::completion c;
    std::thread other([&] { deliver(c, 0, value(5)); });
    BOOST_TEST(values_in(c) == std::vector{5}, boost::test_tools::per_element());
    other.join();
}

BOOST_AUTO_TEST_CASE(a_hook_runs_once_when_complete) {
    detail::completion c(2);
    int runs = 0;
    c.on_ready([&] { ++runs; });
    deliver(c, 0, value(0));
    BOOST_TEST(runs == 0);
    deliver(c, 1, value(1));
    BOOST_TEST(runs == 1);
}

BOOST_AUTO_TEST_CASE(a_hook_runs_at_once_when_already_complete) {
    detail::completion c(0);
    int runs = 0;
    c.on_ready([&] { ++runs; });
    BOOST_TEST(runs == 1);
}

BOOST_AUTO_TEST_CASE(hooks_run_on_failure_too_in_their_order) {
    detail::completion c;
    std::vector<int> order;
    c.on_ready([&] { order.push_back(1); });
    c.on_ready([&] { order.push_back(2); });
    fail(c);
    BOOST_TEST(order == (std::vector{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_hook_may_look_at_the_completion) {
    detail::completion c;
    bool ready = false;
    c.on_ready([&] { ready = c.ready(); });
    deliver(c, 0, value(0));
    BOOST_TEST(ready);
}

BOOST_AUTO_TEST_CASE(an_unhooked_hook_does_not_run) {
    detail::completion c;
    int runs = 0;
    const auto key = c.on_ready([&] { runs += 1; });
    c.on_ready([&] { runs += 10; });
    c.unhook(key);
    deliver(c, 0, value(0));
    BOOST_TEST(runs == 10);
}

BOOST_AUTO_TEST_CASE(unhooking_what_has_run_is_harmless) {
    detail::completion c(0);
    const auto key = c.on_ready([] {});
    c.unhook(key);
    BOOST_TEST(c.ready());
}

BOOST_AUTO_TEST_CASE(arrivals_come_out_in_the_order_in_which_they_came) {
    detail::arrivals a;
    a.push(3);
    a.push(1);
    BOOST_TEST(a.pop(steady_time::max()).value() == 3U);
    BOOST_TEST(a.pop(steady_time::min()).value() == 1U);
    BOOST_TEST(!a.pop(steady_time::min()).has_value());
}

BOOST_AUTO_TEST_CASE(waiting_for_any_gives_one_that_is_ready) {
    const std::vector all{std::make_shared<detail::completion>(), std::make_shared<detail::completion>(0),
                          std::make_shared<detail::completion>()};
    BOOST_TEST(detail::wait_for_any(all, steady_time::max()) == 1U);
}

BOOST_AUTO_TEST_CASE(waiting_for_any_gives_their_number_at_the_deadline) {
    const std::vector all{std::make_shared<detail::completion>(), std::make_shared<detail::completion>()};
    BOOST_TEST(detail::wait_for_any(all, steady_time::min()) == 2U);
}

BOOST_AUTO_TEST_CASE(waiting_for_any_wakes_up) {
    const std::vector all{std::make_shared<detail::completion>(), std::make_shared<detail::completion>()};
    std::thread other([&] { fail(*all[1]); });
    BOOST_TEST(detail::wait_for_any(all, steady_time::max()) == 1U);
    other.join();
}

BOOST_AUTO_TEST_CASE(waiting_for_any_leaves_no_hook) {
    const std::vector all{std::make_shared<detail::completion>(0), std::make_shared<detail::completion>()};
    (void)detail::wait_for_any(all, steady_time::max());
    BOOST_TEST(all[1].use_count() == 1);
    deliver(*all[1], 0, value(0));
}

BOOST_AUTO_TEST_CASE(the_order_of_completion_is_told) {
    const std::vector all{std::make_shared<detail::completion>(), std::make_shared<detail::completion>(0),
                          std::make_shared<detail::completion>()};
    detail::completion_order order(all);
    BOOST_TEST(order.next(steady_time::max()).value() == 1U); // from the start
    BOOST_TEST(!order.next(steady_time::min()).has_value());
    fail(*all[2]);
    deliver(*all[0], 0, value(0));
    BOOST_TEST(order.left() == 2U);
    BOOST_TEST(order.next(steady_time::max()).value() == 2U);
    BOOST_TEST(order.next(steady_time::max()).value() == 0U);
    BOOST_TEST(order.left() == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_told_of_is_not_kept_and_neither_is_the_rest) {
    const std::vector all{std::make_shared<detail::completion>(0), std::make_shared<detail::completion>()};
    {
        detail::completion_order order(all);
        BOOST_TEST(all[0].use_count() == 2);
        (void)order.next(steady_time::max());
        BOOST_TEST(all[0].use_count() == 1);
    }
    BOOST_TEST(all[1].use_count() == 1);
    deliver(*all[1], 0, value(0)); // runs no hook
}

BOOST_AUTO_TEST_CASE(a_duration_meant_as_for_ever_does_not_overflow) {
    const auto now = std::chrono::steady_clock::now();
    BOOST_TEST((detail::deadline_after(std::chrono::hours::max()) > now));
    BOOST_TEST((detail::deadline_after(std::chrono::nanoseconds::max()) > now));
    BOOST_TEST((detail::deadline_after(std::chrono::duration<double>(1e300)) > now));
}

BOOST_AUTO_TEST_CASE(a_negative_duration_has_passed) {
    const auto now = std::chrono::steady_clock::now();
    BOOST_TEST((detail::deadline_after(std::chrono::seconds(-1)) < now));
    BOOST_TEST((detail::deadline_after(std::chrono::hours::min()) < now));
}

BOOST_AUTO_TEST_CASE(a_duration_is_not_cut_short) {
    using namespace std::chrono;
    const auto before = steady_clock::now();
    BOOST_TEST((detail::deadline_after(duration<double, std::nano>(0.5)) > before));
}

BOOST_AUTO_TEST_CASE(points_of_time_on_other_clocks_are_understood) {
    using namespace std::chrono;
    const auto now = steady_clock::now();
    BOOST_TEST((detail::on_steady_clock(now) == now));
    BOOST_TEST((detail::on_steady_clock(system_clock::now() + hours(1)) > now + minutes(59)));
    BOOST_TEST((detail::on_steady_clock(system_clock::now() - hours(1)) < now));
}

BOOST_AUTO_TEST_CASE(the_ends_of_other_clocks_do_not_overflow) {
    using namespace std::chrono;
    const auto now = steady_clock::now();
    BOOST_TEST((detail::on_steady_clock(system_clock::time_point::max()) > now));
    BOOST_TEST((detail::on_steady_clock(system_clock::time_point::min()) < now));
    BOOST_TEST((detail::on_steady_clock(time_point<steady_clock, hours>::max()) > now));
}

BOOST_AUTO_TEST_SUITE_END()
