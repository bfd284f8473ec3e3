// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Who gets which task.
#include "support/leaves_nothing.hpp"
#include "support/plan.hpp"

using namespace plans;

BOOST_FIXTURE_TEST_SUITE(schedule, leaves_nothing)

// Starting

BOOST_AUTO_TEST_CASE(starts_every_worker_at_once) {
    plan p({.workers = 3});
    check(p.next(), {"start 1 after 0", "start 2 after 0", "start 3 after 0"});
}

BOOST_AUTO_TEST_CASE(wants_a_worker_until_it_is_ready) {
    plan p({.workers = 1});
    BOOST_TEST(p.wants(1));
    p.ready(1);
    BOOST_TEST(!p.wants(1));
}

BOOST_AUTO_TEST_CASE(does_not_want_a_worker_it_never_asked_for) {
    const plan p({.workers = 1});
    BOOST_TEST(!p.wants(2));
}

BOOST_AUTO_TEST_CASE(actions_are_handed_over_once) {
    plan p({.workers = 1});
    p.next();
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_worker_that_says_ready_twice_is_ready_once) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.next();
    p.ready(1);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(an_unknown_worker_that_says_ready_is_ignored) {
    plan p({.workers = 1});
    p.next();
    p.submitted(1);
    p.ready(7);
    check(p.next(), {});
}

// Handing out

BOOST_AUTO_TEST_CASE(a_task_goes_to_a_ready_worker_at_once) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    check(p.next(), {"send 1 to 1"});
}

BOOST_AUTO_TEST_CASE(a_task_waits_for_the_first_worker_to_be_ready) {
    plan p({.workers = 2});
    p.next();
    p.submitted(1);
    check(p.next(), {});
    p.ready(2);
    check(p.next(), {"send 1 to 2"});
}

BOOST_AUTO_TEST_CASE(tasks_are_sent_in_the_order_in_which_they_came) {
    plan p({.workers = 1});
    p.next();
    p.submit(1, 3);
    p.ready(1);
    check(p.next(), sent(1, 3, 1));
}

BOOST_AUTO_TEST_CASE(a_task_goes_to_the_freest_worker) {
    auto p = plan::with_ready_workers(3);
    p.submit(1, 4);
    check(p.next(), {"send 1 to 1", "send 2 to 2", "send 3 to 3", "send 4 to 1"});
    BOOST_TEST(p.result(2, 2));
    p.submitted(5);
    // The idle worker gets task 5; to nobody's surprise nothing is taken back any more.
    const auto got = p.next();
    BOOST_TEST(contains(got, "send 5 to 2"));
}

BOOST_AUTO_TEST_CASE(a_worker_gets_a_bounded_number_of_tasks_ahead) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, most_under_way + 5);
    check(p.next(), sent(1, most_under_way, 1));
}

BOOST_AUTO_TEST_CASE(a_result_makes_room_for_the_next_task) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, most_under_way + 5);
    p.next();
    p.results(1, 1, 5);
    check(p.next(), sent(most_under_way + 1, most_under_way + 5, 1));
}

// Windows: how many tasks a worker gets ahead

constexpr auto first_window = detail::schedule::first_window;

BOOST_AUTO_TEST_CASE(a_worker_that_ran_out_of_tasks_gets_twice_as_many) {
    plan p({.workers = 1, .most_under_way = 3 * first_window});
    p.ready(1);
    p.submit(1, 100);
    p.next();
    p.results(1, 1, first_window);
    check(p.next(), sent(first_window + 1, 3 * first_window, 1));
    p.results(1, first_window + 1, 3 * first_window);
    check(p.next(), sent(3 * first_window + 1, 6 * first_window, 1)); // no more than the most
}

BOOST_AUTO_TEST_CASE(a_worker_that_ran_out_while_nobody_waited_does_not) {
    plan p({.workers = 1, .most_under_way = 100});
    p.ready(1);
    p.submit(1, first_window);
    p.next();
    p.results(1, 1, first_window);
    p.submit(first_window + 1, 100);
    check(p.next(), sent(first_window + 1, 2 * first_window, 1));
}

BOOST_AUTO_TEST_CASE(a_worker_whose_tasks_take_long_gets_fewer) {
    plan p({.workers = 1});
    p.ready(1);
    p.submit(1, 100);
    p.next();
    for (detail::task_id task = 1; task != first_window; ++task) { // one at a time
        BOOST_TEST(p.result(1, task));
    }
    p.next();
    BOOST_TEST(p.result(1, first_window));
    constexpr detail::task_id few = 3;
    check(p.next(), sent(first_window + few, first_window + few, 1));
}

BOOST_AUTO_TEST_CASE(a_later_worker_helps_with_what_waits) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, most_under_way + 2);
    p.next();
    p.ready(2);
    check(p.next(), sent(most_under_way + 1, most_under_way + 2, 2));
}

// Results

BOOST_AUTO_TEST_CASE(a_result_completes_its_task) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.running() == 0U);
    BOOST_TEST(p.queued() == 0U);
}

BOOST_AUTO_TEST_CASE(a_result_out_of_order_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    BOOST_TEST(!p.result(1, 2));
}

BOOST_AUTO_TEST_CASE(a_result_of_an_idle_worker_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    BOOST_TEST(!p.result(1, 1));
}

BOOST_AUTO_TEST_CASE(a_result_sent_twice_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(!p.result(1, 1));
}

BOOST_AUTO_TEST_CASE(a_result_of_an_unknown_worker_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    BOOST_TEST(!p.result(9, 1));
}

BOOST_AUTO_TEST_CASE(a_result_of_another_workers_task_makes_no_sense) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 2);
    BOOST_TEST(!p.result(1, 2));
    BOOST_TEST(p.result(2, 2));
}

BOOST_AUTO_TEST_CASE(a_result_that_makes_no_sense_changes_nothing) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    (void)p.result(1, 2);
    check(p.next(), {});
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.result(1, 2));
}

// Preparing (the initializer)

BOOST_AUTO_TEST_CASE(a_worker_that_prepares_gets_nothing_until_it_is_ready_again) {
    auto p = plan::with_ready_workers(1);
    p.preparing(1);
    p.submitted(1);
    check(p.next(), {});
    p.ready(1);
    check(p.next(), {"send 1 to 1"});
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_preparing_counts_as_a_failed_start) {
    auto p = plan::with_ready_workers(1);
    p.preparing(1);
    p.died(1, 0);
    check(p.next(), {"start 2 after 50"});
}

BOOST_AUTO_TEST_CASE(preparing_while_starting_changes_nothing) {
    plan p({.workers = 1});
    p.next();
    p.preparing(1);
    p.submitted(1);
    p.ready(1);
    check(p.next(), {"send 1 to 1"});
}

BOOST_AUTO_TEST_CASE(preparing_does_not_call_back_a_dismissed_worker) {
    auto p = plan::with_ready_workers(1);
    p.close();
    check(p.next(), {"dismiss 1"});
    p.preparing(1);
    BOOST_TEST(!p.wants(1));
}

// Undeliverable

BOOST_AUTO_TEST_CASE(an_undeliverable_task_is_gone_and_the_worker_goes_on) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    p.undeliverable(1, 1);
    check(p.next(), {});
    BOOST_TEST(p.result(1, 2));
    BOOST_TEST(p.queued() + p.running() == 0U);
}

BOOST_AUTO_TEST_CASE(the_last_task_undeliverable_after_close_ends_the_pool) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.close();
    p.next();
    p.undeliverable(1, 1);
    check(p.next(), {"dismiss 1"});
}

BOOST_AUTO_TEST_SUITE_END()
