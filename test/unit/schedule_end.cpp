// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// How a pool ends.
#include "support/leaves_nothing.hpp"
#include "support/plan.hpp"

using namespace plans;

BOOST_FIXTURE_TEST_SUITE(schedule_end, leaves_nothing)

// Close

BOOST_AUTO_TEST_CASE(close_dismisses_idle_workers) {
    auto p = plan::with_ready_workers(2);
    p.close();
    check(p.next(), {"dismiss 1", "dismiss 2"});
    BOOST_TEST(!p.is_open());
    BOOST_TEST(!p.finished());
}

BOOST_AUTO_TEST_CASE(close_dismisses_workers_that_are_starting) {
    plan p({.workers = 1});
    p.next();
    p.close();
    check(p.next(), {"dismiss 1"});
    BOOST_TEST(!p.wants(1));
}

BOOST_AUTO_TEST_CASE(a_worker_that_was_dismissed_while_starting_stays_dismissed) {
    plan p({.workers = 1});
    p.close();
    p.next();
    p.ready(1);
    check(p.next(), {});
    p.died(1, 0);
    check(p.next(), {});
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(close_waits_for_the_last_task) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    p.close();
    check(p.next(), {});
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {});
    BOOST_TEST(p.result(1, 2));
    check(p.next(), {"dismiss 1"});
}

BOOST_AUTO_TEST_CASE(idle_workers_stay_until_the_last_task_is_done) {
    // They are needed should a busy one die.
    auto p = plan::with_ready_workers(2);
    p.submitted(1);
    p.next();
    p.close();
    check(p.next(), {});
    p.died(1, 0);
    check(p.next(), {"start 3 after 0", "send 1 to 2"});
}

BOOST_AUTO_TEST_CASE(a_start_that_is_not_needed_any_more_is_dismissed_after_close) {
    auto p = plan::with_ready_workers(2);
    p.submitted(1);
    p.close();
    p.died(2, 0);
    p.next();
    BOOST_TEST(p.wants(3));
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"dismiss 1", "dismiss 3"});
    BOOST_TEST(!p.wants(3));
    p.died(3, 0); // the start was cancelled
    p.died(1, 1);
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_after_close_is_replaced_while_tasks_are_left) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    p.close();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 2 to 2"});
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_of_the_last_task_after_close_is_not_replaced) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.next();
    p.close();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died"});
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(a_death_that_fails_the_last_task_after_close_dismisses_the_others) {
    auto p = plan::with_ready_workers(2);
    p.submitted(1);
    p.next();
    p.close();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "dismiss 2"});
}

BOOST_AUTO_TEST_CASE(is_finished_when_closed_and_the_last_worker_has_ended) {
    auto p = plan::with_ready_workers(2);
    p.close();
    check(p.next(), {"dismiss 1", "dismiss 2"});
    p.died(1, 0);
    BOOST_TEST(!p.finished());
    p.died(2, 0);
    BOOST_TEST(p.finished());
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(workers_that_cannot_start_after_close_fail_what_is_left) {
    plan p({.workers = 1});
    p.submitted(1);
    p.close();
    for (detail::worker_id worker = 1; worker <= detail::schedule::most_start_attempts; ++worker) {
        p.next();
        p.died(worker, 0);
    }
    check(p.next(), {"fail 1: no worker starts"});
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(closing_twice_is_closing_once) {
    auto p = plan::with_ready_workers(1);
    p.close();
    p.next();
    p.close();
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_worn_out_worker_is_replaced_after_close_when_tasks_are_left) {
    auto p = plan::with_ready_workers(1, 1);
    p.submit(1, 2);
    p.close();
    p.next();
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"dismiss 1"});
    p.died(1, 1);
    check(p.next(), {"start 2 after 0"});
}

// Terminate

BOOST_AUTO_TEST_CASE(terminate_fails_everything_and_ends_everybody) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.next();
    p.terminate();
    check(p.next(), {"fail 1: terminated", "end 1"});
    BOOST_TEST(!p.is_open());
}

BOOST_AUTO_TEST_CASE(terminate_fails_what_waits_as_well) {
    plan p({.workers = 1});
    p.next();
    p.submitted(1);
    p.terminate();
    check(p.next(), {"fail 1: terminated", "end 1"});
}

BOOST_AUTO_TEST_CASE(nobody_is_replaced_after_terminate) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.terminate();
    p.next();
    p.died(1, 1);
    check(p.next(), {});
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(terminate_ends_workers_that_were_dismissed_before) {
    // One that was dismissed may still be busy with an exit handler.
    auto p = plan::with_ready_workers(1);
    p.close();
    p.next();
    p.terminate();
    check(p.next(), {"end 1"});
}

BOOST_AUTO_TEST_CASE(terminate_after_close_fails_what_is_left) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 1);
    p.next();
    p.close();
    p.terminate();
    check(p.next(), {"fail 1: terminated", "end 1"});
}

BOOST_AUTO_TEST_CASE(terminating_twice_fails_nothing_twice) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.terminate();
    p.next();
    p.terminate();
    const auto got = p.next();
    BOOST_TEST(!contains(got, "fail 1: terminated"));
}

BOOST_AUTO_TEST_CASE(a_result_after_terminate_makes_no_sense_to_the_schedule) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.terminate();
    BOOST_TEST(!p.result(1, 1));
}

BOOST_AUTO_TEST_CASE(a_worker_that_gets_ready_after_terminate_gets_nothing) {
    plan p({.workers = 1});
    p.submitted(1);
    p.terminate();
    p.next();
    p.ready(1);
    check(p.next(), {});
    BOOST_TEST(!p.wants(1));
}

BOOST_AUTO_TEST_CASE(terminate_between_a_failed_start_and_the_next_attempt_cancels_it) {
    plan p({.workers = 1});
    p.died(1, 0);
    p.next();
    p.terminate();
    check(p.next(), {"end 2"});
    BOOST_TEST(!p.wants(2));
    p.died(2, 0); // whoever acts reports the cancelled start as a death
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(terminate_after_giving_up_has_nobody_to_end) {
    plan p({.workers = 1});
    give_up(p, 1);
    p.next();
    p.terminate();
    check(p.next(), {});
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(an_answer_to_take_back_after_terminate_brings_no_task_back_to_life) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.next();
    p.terminate();
    p.next();
    p.give_back(1, {2, 3});
    check(p.next(), {});
    p.died(1, 1);
    p.died(2, 0);
    check(p.next(), {});
    BOOST_TEST(p.finished());
    BOOST_TEST(p.queued() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
