// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Time-outs, cancelling, trying again, and workers that are replaced for their own good.
#include "support/leaves_nothing.hpp"
#include "support/plan.hpp"

using namespace plans;

namespace {

constexpr detail::task_traits a_second{.timeout = 1s};
constexpr detail::task_traits twice{.retries = 1};
constexpr detail::task_traits polite{.takes_stop_token = true, .stop_grace = 3s};

/// One worker, which runs task 1, and perhaps has 2 ahead.
plan running(const detail::task_traits& traits, detail::task_id last = 1) {
    auto p = plan::with_ready_workers(1);
    for (detail::task_id task = 1; task <= last; ++task) {
        p.submitted(task, traits);
    }
    p.next();
    return p;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(schedule_stopping, leaves_nothing)

// Time-outs

BOOST_AUTO_TEST_CASE(time_starts_when_a_task_comes_to_the_front) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1, a_second);
    p.submitted(2, a_second);
    check(p.next(), {"send 1 to 1", "time 1 at 1: 1000", "send 2 to 1"});
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"time 2 at 1: 1000"});
}

BOOST_AUTO_TEST_CASE(a_task_without_a_timeout_has_no_timer) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    check(p.next(), {"send 1 to 1"});
}

BOOST_AUTO_TEST_CASE(an_overdue_task_is_stopped_once_everything_else_is_taken_back) {
    auto p = running(a_second, 3);
    p.overdue(1, 1);
    check(p.next(), {"take 3 from 1"});
    p.give_back(1, {2, 3});
    check(p.next(), {"end 1"});
    p.ending(1);
    p.died(1, 1);
    check(p.next(), {"fail 1: timed out", "start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 2 to 2", "time 2 at 2: 1000", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(what_waits_elsewhere_gets_what_was_taken_back) {
    auto p = plan::with_ready_workers(2);
    p.submitted(1, a_second);
    p.submitted(2, {.bulky = true});
    p.submitted(3);
    p.next();
    p.overdue(1, 1);
    p.give_back(1, {3});
    check(p.next(), {"take 2 from 1", "end 1", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(an_overdue_task_that_was_not_begun_is_not_stopped) {
    auto p = running(a_second);
    p.overdue(1, 1);
    p.give_back(1, {1}); // the worker had not even received it
    check(p.next(), {"take 1 from 1", "send 1 to 1", "time 1 at 1: 1000"});
}

BOOST_AUTO_TEST_CASE(a_result_in_time_is_a_result) {
    auto p = running(a_second);
    p.overdue(1, 1);
    p.taken_back(1, {});
    BOOST_TEST(p.result(1, 1));
    p.settled(1);
    check(p.next(), {"take 1 from 1"});
}

BOOST_AUTO_TEST_CASE(a_timer_of_a_task_that_is_done_does_nothing) {
    auto p = running(a_second, 2);
    BOOST_TEST(p.result(1, 1));
    p.next();
    p.overdue(1, 1);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_result_too_late_is_a_timeout) {
    auto p = running(a_second);
    p.overdue(1, 1);
    p.give_back(1, {});
    p.next();
    BOOST_TEST((p.result_arrived(1, 1) == verdict::too_late));
    check(p.next(), {"spare 1", "fail 1: timed out"});
}

BOOST_AUTO_TEST_CASE(a_worker_whose_end_has_begun_gets_nothing_more) {
    auto p = running(a_second);
    p.overdue(1, 1);
    p.give_back(1, {});
    p.ending(1);
    BOOST_TEST((p.result_arrived(1, 1) == verdict::too_late));
    p.submitted(2);
    check(p.next(), {"take 1 from 1", "end 1", "fail 1: timed out"});
    p.died(1, 1);
    check(p.next(), {"start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(what_an_ending_worker_has_not_begun_is_taken_back) {
    auto p = running({}, 3);
    p.ending(1);
    p.give_back(1, {2, 3});
    check(p.next(), {"take 3 from 1"});
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 2 to 2", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(an_idle_worker_ends_with_nothing_to_take_back) {
    auto p = plan::with_ready_workers(1);
    p.ending(1);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_task_that_takes_a_stop_token_is_asked_first) {
    auto p = running({.takes_stop_token = true, .timeout = 1s, .stop_grace = 3s});
    p.overdue(1, 1);
    p.give_back(1, {});
    check(p.next(), {"take 1 from 1", "stop 1 at 1", "end 1 after 3000"});
    BOOST_TEST((p.result_arrived(1, 1) == verdict::too_late));
    check(p.next(), {"spare 1", "fail 1: timed out"});
    p.submitted(2);
    check(p.next(), {"send 2 to 1"});
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_to_end_gets_nothing_meanwhile) {
    auto p = running(polite);
    BOOST_TEST(p.cancel(1));
    p.give_back(1, {});
    p.next();
    p.submitted(2);
    check(p.next(), {});
}

// Cancelling

BOOST_AUTO_TEST_CASE(a_task_that_waits_never_runs) {
    plan p({.workers = 1});
    p.submit(1, 2);
    p.next();
    BOOST_TEST(p.cancel(1));
    check(p.next(), {"fail 1: cancelled"});
    p.ready(1);
    check(p.next(), {"send 2 to 1"});
}

BOOST_AUTO_TEST_CASE(a_task_sent_ahead_never_runs) {
    auto p = running({}, 3);
    BOOST_TEST(p.cancel(2));
    check(p.next(), {"take 3 from 1"});
    p.give_back(1, {2, 3});
    check(p.next(), {"fail 2: cancelled", "send 3 to 1"});
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(p.result(1, 3));
}

BOOST_AUTO_TEST_CASE(a_task_that_runs_is_stopped) {
    auto p = running({}, 2);
    BOOST_TEST(p.cancel(1));
    p.give_back(1, {2});
    check(p.next(), {"take 2 from 1", "end 1"});
    p.died(1, 1);
    check(p.next(), {"fail 1: cancelled", "start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(a_task_sent_ahead_that_has_been_begun_meanwhile_is_stopped) {
    auto p = running({}, 2);
    BOOST_TEST(p.cancel(2));
    p.taken_back(1, {});
    BOOST_TEST(p.result(1, 1));
    p.settled(1);
    check(p.next(), {"take 2 from 1", "end 1"});
}

BOOST_AUTO_TEST_CASE(a_task_that_is_done_cannot_be_cancelled) {
    auto p = running({});
    BOOST_TEST(p.result(1, 1));
    BOOST_TEST(!p.cancel(1));
    BOOST_TEST(!p.cancel(7));
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_whose_result_was_on_its_way_is_cancelled) {
    auto p = running({});
    BOOST_TEST(p.cancel(1));
    p.taken_back(1, {});
    BOOST_TEST((p.result_arrived(1, 1) == verdict::too_late));
    p.settled(1);
    check(p.next(), {"take 1 from 1", "fail 1: cancelled"});
}

BOOST_AUTO_TEST_CASE(cancelling_twice_is_cancelling_once) {
    auto p = running(polite);
    BOOST_TEST(p.cancel(1));
    p.give_back(1, {});
    p.next();
    BOOST_TEST(p.cancel(1));
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_task_that_timed_out_can_be_cancelled_while_it_is_stopped) {
    auto p = running({.takes_stop_token = true, .timeout = 1s, .stop_grace = 3s, .retries = 5});
    p.overdue(1, 1);
    p.give_back(1, {});
    BOOST_TEST(p.cancel(1));
    p.next();
    p.died(1, 1);
    check(p.next(), {"fail 1: cancelled", "start 2 after 0"}); // and is not tried again
}

BOOST_AUTO_TEST_CASE(a_worker_that_dies_before_anything_is_taken_back_fails_the_cancelled_as_cancelled) {
    auto p = running({}, 3);
    BOOST_TEST(p.cancel(2));
    p.died(1, 1);
    check(p.next(), {"take 3 from 1", "fail 1: worker died", "fail 2: cancelled", "start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(cancelled_tasks_do_not_pile_up) {
    plan p({.workers = 1});
    for (detail::task_id task = 1; task <= 100'000; ++task) {
        p.submitted(task);
        BOOST_TEST_REQUIRE(p.cancel(task));
    }
    BOOST_TEST(p.queued() == 0U);
    p.submitted(100'001);
    p.next();
    p.ready(1);
    check(p.next(), {"send 100001 to 1"});
}

BOOST_AUTO_TEST_CASE(cancelling_makes_room) {
    plan p({.workers = 1, .capacity = 1});
    p.submitted(1);
    BOOST_TEST(!p.has_room());
    BOOST_TEST(p.cancel(1));
    BOOST_TEST(p.has_room());
}

BOOST_AUTO_TEST_CASE(cancelling_the_last_task_after_close_ends_the_pool) {
    plan p({.workers = 1});
    p.submitted(1);
    p.close();
    p.next();
    BOOST_TEST(p.cancel(1));
    check(p.next(), {"fail 1: cancelled", "dismiss 1"});
}

BOOST_AUTO_TEST_CASE(nothing_is_sent_behind_a_task_that_is_to_be_stopped) {
    auto p = running({}, 3);
    BOOST_TEST(p.cancel(2));
    p.taken_back(1, {3}); // 2 has been begun
    BOOST_TEST(p.result(1, 1));
    p.settled(1);
    check(p.next(), {"take 3 from 1", "end 1"});
}

// Trying again

BOOST_AUTO_TEST_CASE(a_task_whose_worker_died_is_tried_again_after_a_rest) {
    auto p = running(twice);
    p.died(1, 1);
    check(p.next(), {"rest 1 for 50", "start 2 after 0"});
    p.ready(2);
    check(p.next(), {});
    p.rested(1);
    check(p.next(), {"send 1 to 2"});
    p.died(2, 1);
    check(p.next(), {"fail 1: worker died", "start 3 after 0"});
}

BOOST_AUTO_TEST_CASE(a_task_that_timed_out_is_tried_again) {
    auto p = running({.timeout = 1s, .retries = 1});
    p.overdue(1, 1);
    p.give_back(1, {});
    p.died(1, 1);
    check(p.next(), {"take 1 from 1", "end 1", "rest 1 for 50", "start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(a_rest_doubles_with_every_attempt) {
    auto p = running({.retries = 3});
    std::vector<std::string> rests;
    for (detail::worker_id worker = 1; worker <= 3; ++worker) {
        p.died(worker, 1);
        rests.push_back(p.next().front());
        p.ready(worker + 1);
        p.rested(1);
        p.next();
    }
    check(rests, {"rest 1 for 50", "rest 1 for 100", "rest 1 for 200"});
}

BOOST_AUTO_TEST_CASE(a_task_that_is_tried_again_waits_behind_the_others) {
    auto p = running({.retries = 9}, 1);
    p.died(1, 1);
    p.submit(2, 3);
    p.rested(1);
    p.next();
    p.ready(2);
    check(p.next(), {"send 2 to 2", "send 3 to 2", "send 1 to 2"});
}

BOOST_AUTO_TEST_CASE(what_a_dead_worker_had_not_begun_does_not_count_as_an_attempt) {
    auto p = running(twice, 2);
    p.died(1, 1);
    p.ready(2);
    p.next(); // 2 is running at worker 2
    p.died(2, 2);
    const auto got = p.next();
    BOOST_TEST(contains(got, "rest 2 for 50"));
}

BOOST_AUTO_TEST_CASE(a_resting_task_can_be_cancelled) {
    auto p = running(twice);
    p.died(1, 1);
    p.next();
    BOOST_TEST(p.cancel(1));
    check(p.next(), {"fail 1: cancelled"});
    p.rested(1);
    p.ready(2);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_pool_that_is_closed_waits_for_a_resting_task) {
    auto p = running(twice);
    p.close();
    p.died(1, 1);
    check(p.next(), {"rest 1 for 50", "start 2 after 0"});
    p.ready(2);
    p.rested(1);
    check(p.next(), {"send 1 to 2"});
    BOOST_TEST(p.result(2, 1));
    check(p.next(), {"dismiss 2"});
}

BOOST_AUTO_TEST_CASE(terminate_fails_a_resting_task) {
    auto p = running(twice);
    p.died(1, 1);
    p.next();
    p.terminate();
    BOOST_TEST(contains(p.next(), "fail 1: terminated"));
    p.rested(1);
    check(p.next(), {});
}

// Exceptions that may be a reason to try again

BOOST_AUTO_TEST_CASE(a_doubtful_result_waits_for_a_judgement) {
    auto p = running(twice);
    BOOST_TEST((p.result_arrived(1, 1, true) == verdict::doubtful));
    p.close();
    check(p.next(), {}); // the pool does not end before it
    BOOST_TEST(p.is_final(1, false));
    check(p.next(), {"dismiss 1"});
}

BOOST_AUTO_TEST_CASE(a_doubtful_result_may_be_tried_again) {
    auto p = running(twice);
    BOOST_TEST((p.result_arrived(1, 1, true) == verdict::doubtful));
    BOOST_TEST(!p.is_final(1, true));
    check(p.next(), {"rest 1 for 50"});
    p.rested(1);
    check(p.next(), {"send 1 to 1"});
    BOOST_TEST((p.result_arrived(1, 1, true) == verdict::outcome)); // no attempt is left
}

BOOST_AUTO_TEST_CASE(a_task_being_judged_can_be_cancelled) {
    auto p = running(twice);
    BOOST_TEST((p.result_arrived(1, 1, true) == verdict::doubtful));
    BOOST_TEST(p.cancel(1));
    check(p.next(), {});
    BOOST_TEST(!p.is_final(1, false));
    check(p.next(), {"fail 1: cancelled"});
}

BOOST_AUTO_TEST_CASE(a_judgement_after_terminate_comes_too_late) {
    auto p = running(twice);
    BOOST_TEST((p.result_arrived(1, 1, true) == verdict::doubtful));
    p.terminate();
    check(p.next(), {"fail 1: terminated", "end 1"});
    BOOST_TEST(!p.is_final(1, true));
    check(p.next(), {});
}

// Retiring

BOOST_AUTO_TEST_CASE(a_worker_that_retires_finishes_its_task_and_no_other) {
    auto p = running({}, 3);
    p.retire(1);
    check(p.next(), {"take 3 from 1"});
    p.give_back(1, {2, 3});
    check(p.next(), {});
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"dismiss 1"});
    p.died(1, 1);
    check(p.next(), {"start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(an_idle_worker_that_retires_goes_at_once) {
    auto p = plan::with_ready_workers(1);
    p.retire(1);
    check(p.next(), {"dismiss 1"});
    p.retire(1);
    check(p.next(), {});
}

// One task at a time

BOOST_AUTO_TEST_CASE(a_worker_from_which_nothing_can_be_taken_back_gets_one_task) {
    plan p({.workers = 2, .most_under_way = 1});
    p.ready(1);
    p.submit(1, 3);
    p.ready(2);
    p.next();
    BOOST_TEST(p.result(1, 1));
    check(p.next(), {"send 3 to 1"});
}

BOOST_AUTO_TEST_SUITE_END()
