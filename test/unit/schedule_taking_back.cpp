// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Tasks that were sent ahead go to whoever has nothing to do.
#include "support/leaves_nothing.hpp"
#include "support/plan.hpp"

using namespace plans;

BOOST_FIXTURE_TEST_SUITE(schedule_taking_back, leaves_nothing)

// Taking back

BOOST_AUTO_TEST_CASE(an_idle_worker_gets_half_of_what_the_busiest_has_not_begun) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 6);
    p.next();
    p.ready(2);
    check(p.next(), {"take 3 from 1"});
    p.give_back(1, {2, 3, 4});
    check(p.next(), sent(2, 4, 2));
}

BOOST_AUTO_TEST_CASE(the_busiest_is_the_one_with_most_under_way) {
    plan p({.workers = 3});
    p.ready(1);
    p.ready(2);
    p.submit(1, 9); // five to worker 1, four to worker 2
    p.next();
    p.ready(3);
    check(p.next(), {"take 2 from 1"});
}

BOOST_AUTO_TEST_CASE(nothing_is_taken_from_a_worker_with_one_task) {
    plan p({.workers = 2});
    p.ready(1);
    p.submitted(1);
    p.next();
    p.ready(2);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(nothing_is_taken_while_something_waits) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, most_under_way + 1);
    p.next();
    p.ready(2);
    // The one that waits goes first; then the idle worker is no longer idle.
    check(p.next(), sent(most_under_way + 1, most_under_way + 1, 2));
}

BOOST_AUTO_TEST_CASE(one_request_to_take_back_at_a_time) {
    plan p({.workers = 3});
    p.ready(1);
    p.submit(1, 6);
    p.next();
    p.ready(2);
    check(p.next(), {"take 3 from 1"});
    p.ready(3); // before the answer
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_worker_that_had_nothing_to_take_back_is_not_asked_again) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 2);
    p.next();
    p.ready(2);
    check(p.next(), {"take 1 from 1"});
    p.give_back(1, {}); // it had received both, if not begun
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_worker_is_asked_again_after_its_next_result) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 3);
    p.ready(2);
    p.give_back(1, {});
    p.next();
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"take 1 from 1"});
}

BOOST_AUTO_TEST_CASE(another_worker_is_asked_when_the_busiest_had_nothing) {
    plan p({.workers = 3});
    p.ready(1);
    p.ready(2);
    p.submit(1, 5); // three to worker 1, two to worker 2
    p.next();
    p.ready(3);
    check(p.next(), {"take 1 from 1"});
    p.give_back(1, {});
    check(p.next(), {"take 1 from 2"});
}

BOOST_AUTO_TEST_CASE(what_was_taken_back_goes_before_what_came_later) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.next();
    p.ready(2);
    check(p.next(), {"take 2 from 1"});
    p.submitted(5); // goes to worker 2, which is idle
    check(p.next(), {"send 5 to 2"});
    p.give_back(1, {2, 3});
    check(p.next(), {"send 2 to 2", "send 3 to 1"});
}

BOOST_AUTO_TEST_CASE(results_are_in_order_behind_what_was_taken_back) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.give_back(1, {2, 3});
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.result(1, 4));
    BOOST_TEST(p.result(2, 2));
    BOOST_TEST(p.result(2, 3));
}

BOOST_AUTO_TEST_CASE(an_answer_from_a_worker_that_died_meanwhile_is_ignored) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.died(1, 1);
    p.next();
    p.give_back(1, {2, 3}); // both have been requeued by the death
    check(p.next(), {});
    BOOST_TEST(p.result(2, 2));
    BOOST_TEST(p.result(2, 3));
    BOOST_TEST(p.result(2, 4));
    BOOST_TEST(p.queued() + p.running() == 0U);
}

BOOST_AUTO_TEST_CASE(an_idle_worker_helps_while_another_is_still_starting) {
    plan p({.workers = 3});
    p.ready(1);
    p.submit(1, 4);
    p.next();
    p.ready(3);
    check(p.next(), {"take 2 from 1"});
}

BOOST_AUTO_TEST_CASE(what_the_worker_goes_on_with_is_what_was_not_taken_back) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.next();
    p.taken_back(1, {2, 3});
    BOOST_TEST(p.result(1, 1)); // it has gone on meanwhile
    BOOST_TEST(p.result(1, 4));
    p.settled(1);
}

BOOST_AUTO_TEST_CASE(the_time_of_what_the_worker_goes_on_with_begins) {
    plan p({.workers = 2});
    p.ready(1);
    p.submitted(1);
    p.submitted(2, {.timeout = std::chrono::seconds(1)});
    p.next();
    p.ready(2);
    check(p.next(), {"take 1 from 1"});
    p.give_back(1, {1}); // neither was begun
    check(p.next(), {"time 2 at 1: 1000", "send 1 to 2"});
}

BOOST_AUTO_TEST_CASE(what_was_not_sent_to_a_worker_cannot_come_back_from_it) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.next();
    BOOST_TEST(!p.taken_back(1, {99, 2}));
    check(p.next(), {"send 2 to 2"});
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "start 3 after 0", "send 3 to 2", "send 4 to 2"});
}

// Capacity

BOOST_AUTO_TEST_CASE(capacity_counts_tasks_that_no_worker_is_on) {
    plan p({.workers = 1, .capacity = 2});
    p.submit(1, 2);
    BOOST_TEST(!p.has_room());
    p.ready(1); // begins one of them
    BOOST_TEST(p.has_room());
    p.submitted(3);
    BOOST_TEST(!p.has_room());
    BOOST_TEST(p.running() == 1U);
    BOOST_TEST(p.queued() == 2U);
}

BOOST_AUTO_TEST_CASE(a_result_makes_room) {
    plan p({.workers = 1, .capacity = 1});
    p.ready(1);
    p.submit(1, 2);
    BOOST_TEST(!p.has_room());
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.has_room());
}

BOOST_AUTO_TEST_CASE(the_death_of_a_worker_may_leave_more_than_the_capacity_but_loses_nothing) {
    plan p({.workers = 1, .capacity = 1});
    p.ready(1);
    p.submit(1, 2);
    p.died(1, 0);
    BOOST_TEST(!p.has_room());
    BOOST_TEST(p.queued() == 2U);
}

BOOST_AUTO_TEST_CASE(has_room_as_long_as_nothing_is_queued) {
    const plan p({.workers = 1, .capacity = 1});
    BOOST_TEST(p.has_room());
}

// max_tasks_per_child

BOOST_AUTO_TEST_CASE(a_worker_gets_no_more_tasks_than_its_limit) {
    auto p = plan::with_ready_workers(1, 2);
    p.submit(1, 3);
    check(p.next(), sent(1, 2, 1));
}

BOOST_AUTO_TEST_CASE(a_worn_out_worker_is_dismissed_with_its_last_result_and_replaced_when_it_has_ended) {
    auto p = plan::with_ready_workers(1, 2);
    p.submit(1, 3);
    p.next();
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {});
    BOOST_TEST(p.result(1, 2));
    check(p.next(), {"dismiss 1"});
    p.died(1, 2);
    check(p.next(), {"start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(what_was_taken_back_does_not_count_for_the_limit) {
    plan p({.workers = 2, .max_tasks_per_child = 4});
    p.ready(1);
    p.submit(1, 4);
    p.next();
    p.ready(2);
    check(p.next(), {"take 2 from 1"});
    p.give_back(1, {2, 3});
    p.next();
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.result(1, 4));
    p.next();
    p.submit(5, 6);
    const auto got = p.next();
    BOOST_TEST(contains(got, "send 5 to 1")); // two of four tasks were left
}

BOOST_AUTO_TEST_CASE(a_worker_from_which_all_was_taken_back_is_not_worn_out) {
    plan p({.workers = 2, .max_tasks_per_child = 2});
    p.ready(1);
    p.submit(1, 2);
    p.ready(2);
    p.next();
    p.give_back(1, {1});
    BOOST_TEST(p.result(1, 2));
    const auto got = p.next();
    BOOST_TEST(!contains(got, "dismiss 1"));
}

BOOST_AUTO_TEST_CASE(a_dismissed_worker_gets_nothing_more) {
    auto p = plan::with_ready_workers(1, 1);
    p.submitted(1);
    BOOST_TEST(p.result(1, 1));
    p.next();
    p.submitted(2);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(an_undeliverable_task_does_not_wear_a_worker_out) {
    auto p = plan::with_ready_workers(1, 1);
    p.submitted(1);
    p.undeliverable(1, 1);
    p.next();
    p.submitted(2);
    check(p.next(), {"send 2 to 1"});
}

BOOST_AUTO_TEST_SUITE_END()
