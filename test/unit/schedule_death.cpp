// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What the death of a worker leads to.
#include "support/leaves_nothing.hpp"
#include "support/plan.hpp"

using namespace plans;

BOOST_FIXTURE_TEST_SUITE(schedule_death, leaves_nothing)

// Death

BOOST_AUTO_TEST_CASE(death_fails_the_task_that_was_begun_and_replaces_the_worker) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.next();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(an_idle_workers_death_fails_nothing) {
    auto p = plan::with_ready_workers(1);
    p.died(1, 0);
    check(p.next(), {"start 2 after 0"});
}

BOOST_AUTO_TEST_CASE(tasks_not_begun_run_elsewhere) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 3);
    p.next();
    p.died(1, 1);
    p.ready(2);
    check(p.next(), {"fail 1: worker died", "start 2 after 0", "send 2 to 2", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(tasks_not_begun_go_to_another_worker_without_waiting_for_the_new_one) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 4); // 1 and 3 to worker 1, 2 and 4 to worker 2
    p.next();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "start 3 after 0", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(tasks_not_begun_go_before_those_that_came_later) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, most_under_way + 1);
    p.died(1, 1);
    p.next();
    p.ready(2);
    check(p.next(), sent(2, most_under_way + 1, 2));
}

BOOST_AUTO_TEST_CASE(a_worker_that_died_before_it_began_anything_fails_nothing) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    p.died(1, 0);
    check(p.next(), {"start 2 after 0"});
    p.ready(2);
    check(p.next(), sent(1, 2, 2));
}

BOOST_AUTO_TEST_CASE(a_task_that_was_begun_and_has_its_result_does_not_fail) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    BOOST_TEST(p.result(1, 1));
    p.died(1, 1); // died between two tasks
    check(p.next(), {"start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 2 to 2"});
}

BOOST_AUTO_TEST_CASE(only_the_task_that_was_begun_fails_even_out_of_order) {
    // A worker that writes rubbish into its journal can fail one of its own tasks, no other.
    auto p = plan::with_ready_workers(1);
    p.submit(1, 3);
    p.next();
    p.died(1, 2);
    check(p.next(), {"fail 2: worker died", "start 2 after 0"});
    p.ready(2);
    check(p.next(), {"send 1 to 2", "send 3 to 2"});
}

BOOST_AUTO_TEST_CASE(a_journal_that_names_a_task_of_others_blames_the_task_at_the_front) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 2);
    p.next();
    p.died(1, 2); // which worker 2 has
    check(p.next(), {"fail 1: worker died", "start 3 after 0"});
}

BOOST_AUTO_TEST_CASE(a_journal_that_names_the_last_finished_task_blames_nobody) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 4);
    p.next();
    BOOST_TEST(p.result(1, 1));
    p.next();
    p.died(1, 1);
    BOOST_TEST(!contains(p.next(), "fail 3: worker died"));
}

BOOST_AUTO_TEST_CASE(a_worker_dies_once) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.died(1, 1);
    p.next();
    p.died(1, 1);
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(what_a_dead_worker_sent_too_late_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    p.died(1, 0);
    BOOST_TEST(!p.result(1, 1));
}

BOOST_AUTO_TEST_CASE(a_task_may_fail_one_worker_after_the_other_and_the_rest_still_runs) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 3);
    p.next();
    for (detail::task_id task = 1; task <= 3; ++task) {
        p.died(task, task); // worker N dies of task N
        p.ready(task + 1);
    }
    check(p.next(),
          {"fail 1: worker died", "start 2 after 0", "send 2 to 2", "send 3 to 2", "fail 2: worker died",
           "start 3 after 0", "send 3 to 3", "fail 3: worker died", "start 4 after 0"});
}

BOOST_AUTO_TEST_CASE(all_workers_may_die_at_once) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 4); // 1 and 3 to worker 1, 2 and 4 to worker 2
    p.next();
    p.died(1, 1);
    p.died(2, 2);
    p.next();
    p.ready(3);
    BOOST_TEST(p.queued() + p.running() >= 2U); // 3 and 4 are somewhere
    BOOST_TEST(p.result(3, 4));                 // 4 was requeued last, at the front
    BOOST_TEST(p.result(3, 3));
}

// Death before ready

BOOST_AUTO_TEST_CASE(back_off_doubles_with_every_failed_start) {
    plan p({.workers = 1});
    p.next();
    actions got;
    for (detail::worker_id worker = 1; worker != detail::schedule::most_start_attempts; ++worker) {
        p.died(worker, 0);
        for (auto& each : p.next()) {
            got.push_back(std::move(each));
        }
    }
    check(got, {"start 2 after 50", "start 3 after 100", "start 4 after 200", "start 5 after 400"});
}

BOOST_AUTO_TEST_CASE(a_ready_worker_resets_the_back_off) {
    plan p({.workers = 1});
    p.next();
    p.died(1, 0);
    p.died(2, 0);
    p.ready(3);
    p.next();
    p.died(3, 0);
    check(p.next(), {"start 4 after 0"});
    p.died(4, 0);
    check(p.next(), {"start 5 after 50"});
}

BOOST_AUTO_TEST_CASE(gives_up_after_a_bounded_number_of_attempts) {
    plan p({.workers = 1});
    for (detail::worker_id worker = 1; worker <= detail::schedule::most_start_attempts; ++worker) {
        BOOST_TEST(p.wants(worker));
        p.next();
        p.died(worker, 0);
    }
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(giving_up_fails_what_waits) {
    plan p({.workers = 1});
    p.submitted(1);
    for (detail::worker_id worker = 1; worker <= detail::schedule::most_start_attempts; ++worker) {
        p.next();
        p.died(worker, 0);
    }
    check(p.next(), {"fail 1: no worker starts"});
}

BOOST_AUTO_TEST_CASE(what_is_submitted_after_giving_up_fails_at_once) {
    plan p({.workers = 1});
    give_up(p, 1);
    p.submitted(1);
    check(p.next(), {"fail 1: no worker starts"});
    BOOST_TEST(p.queued() == 0U);
}

BOOST_AUTO_TEST_CASE(after_giving_up_there_is_always_room) {
    plan p({.workers = 1, .capacity = 1});
    p.submitted(1);
    BOOST_TEST(!p.has_room());
    give_up(p, 1);
    BOOST_TEST(p.has_room()); // submitters get the error instead of waiting for ever
}

BOOST_AUTO_TEST_CASE(a_pool_that_gave_up_is_finished_once_it_is_closed) {
    plan p({.workers = 1});
    give_up(p, 1);
    BOOST_TEST(!p.finished());
    p.close();
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(while_one_worker_works_others_are_tried_again_and_again) {
    plan p({.workers = 2});
    p.ready(2);
    p.next();
    p.died(1, 0);
    check(p.next(), {"start 3 after 50"});
    for (detail::worker_id worker = 3; worker != 50; ++worker) {
        p.died(worker, 0);
        BOOST_TEST_REQUIRE(p.next().size() == 1U);
    }
    p.died(50, 0);
    check(p.next(), {"start 51 after 800"});
    p.submitted(1);
    check(p.next(), {"send 1 to 2"});
}

BOOST_AUTO_TEST_CASE(two_slots_fail_to_start_independently) {
    plan p({.workers = 2});
    p.next();
    p.died(1, 0);
    check(p.next(), {"start 3 after 50"});
    p.died(2, 0);
    check(p.next(), {"start 4 after 50"});
    p.died(3, 0);
    check(p.next(), {"start 5 after 100"});
}

BOOST_AUTO_TEST_CASE(a_worker_that_was_ready_is_replaced_though_others_cannot_start) {
    plan p({.workers = 2});
    p.ready(2);
    p.next();
    p.died(1, 0);
    for (detail::worker_id worker = 3; worker != 50; ++worker) {
        p.died(worker, 0);
    }
    p.next();
    p.died(2, 0);
    check(p.next(), {"start 51 after 0"});
}

BOOST_AUTO_TEST_CASE(starts_that_failed_while_somebody_worked_do_not_count_when_nobody_does) {
    plan p({.workers = 2});
    p.ready(2);
    p.died(1, 0);
    for (detail::worker_id worker = 3; worker != 50; ++worker) {
        p.died(worker, 0);
    }
    p.died(2, 0); // 51 takes its place, while 50 is starting
    p.next();
    p.died(51, 0);
    check(p.next(), {"start 52 after 50"});
    p.died(50, 0);
    check(p.next(), {"start 53 after 800"});
}

BOOST_AUTO_TEST_CASE(a_vacant_place_is_filled_when_somebody_gets_ready) {
    plan p({.workers = 2});
    give_up(p, 1); // while 2 takes its time to start
    p.next();
    p.ready(2);
    BOOST_TEST(p.next().size() == 1U); // a start in the other place
}

BOOST_AUTO_TEST_CASE(a_worker_that_is_not_to_be_replaced_leaves_its_work_to_others) {
    plan p({.workers = 2, .replaces_workers = false});
    p.ready(1);
    p.submit(1, 2);
    p.next();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died"});
    p.ready(2); // which fills no place
    check(p.next(), {"send 2 to 2"});
}

BOOST_AUTO_TEST_CASE(when_no_worker_is_left_and_none_is_to_be_replaced_all_tasks_fail) {
    plan p({.workers = 1, .replaces_workers = false});
    p.ready(1);
    p.submit(1, 3);
    p.next();
    p.died(1, 1);
    check(p.next(), {"fail 1: worker died", "fail 2: no worker starts", "fail 3: no worker starts"});
    p.submitted(4);
    check(p.next(), {"fail 4: no worker starts"});
    p.close();
    BOOST_TEST(p.finished());
}

BOOST_AUTO_TEST_CASE(a_bulky_task_is_not_sent_ahead) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1, {.bulky = true});
    check(p.next(), {"send 1 to 1"});
    p.submitted(2, {.bulky = true});
    p.submitted(3);
    check(p.next(), {});
    BOOST_TEST(p.result(1, 1));
    check(p.next(), sent(2, 3, 1));
}

BOOST_AUTO_TEST_SUITE_END()
