// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/schedule.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

// Every test is one interleaving: events, and the actions they lead to. Actions are compared as text:
//
//     start W after MS | send T to W | take N from W | dismiss W | end W | fail T: REASON

namespace {

namespace detail = multiprocessing::detail;
namespace action = detail::action;
using actions = std::vector<std::string>;

std::string text(const action::start_worker& a) {
    return "start " + std::to_string(a.worker) + " after " + std::to_string(a.after.count());
}
std::string text(const action::send_task& a) {
    return "send " + std::to_string(a.task) + " to " + std::to_string(a.worker);
}
std::string text(const action::take_back& a) {
    return "take " + std::to_string(a.count) + " from " + std::to_string(a.worker);
}
std::string text(const action::dismiss_worker& a) {
    return "dismiss " + std::to_string(a.worker);
}
std::string text(const action::end_worker& a) {
    return "end " + std::to_string(a.worker);
}
std::string text(const action::fail_task& a) {
    static const char* const reasons[] = {"worker died", "no worker starts", "terminated"};
    return "fail " + std::to_string(a.task) + ": " + reasons[static_cast<std::size_t>(a.reason)];
}

constexpr auto most_under_way = detail::schedule::most_under_way;

/// A schedule and its actions, as text.
struct plan : detail::schedule {
    explicit plan(const detail::schedule_options& options) : schedule(options) {}

    actions next() {
        actions result;
        for (const auto& any : take_actions()) {
            result.push_back(std::visit([](const auto& one) { return text(one); }, any));
        }
        return result;
    }

    /// All workers of the start are ready, and nothing else has happened.
    static plan with_ready_workers(std::size_t workers, std::size_t max_tasks_per_child = 0) {
        plan result({.workers = workers, .max_tasks_per_child = max_tasks_per_child});
        for (detail::worker_id worker = 1; worker <= workers; ++worker) {
            result.ready(worker);
        }
        result.next();
        return result;
    }

    void submit(detail::task_id first, detail::task_id last) {
        for (auto task = first; task <= last; ++task) {
            submitted(task);
        }
    }
};

/// The ids FIRST to LAST sent to a worker, as actions.
actions sent(detail::task_id first, detail::task_id last, detail::worker_id worker) {
    actions result;
    for (auto task = first; task <= last; ++task) {
        result.push_back(text(action::send_task{worker, task}));
    }
    return result;
}

void check(const actions& got, const actions& expected) {
    BOOST_TEST(got == expected, boost::test_tools::per_element());
}

bool contains(const actions& got, const std::string& one) {
    return std::ranges::find(got, one) != got.end();
}

} // namespace

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
    BOOST_TEST(p.result_arrived(2, 2));
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
    BOOST_TEST(p.result_arrived(1, 1));
    check(p.next(), sent(most_under_way + 1, most_under_way + 1, 1));
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
    BOOST_TEST(p.result_arrived(1, 1));
    BOOST_TEST(p.running() == 0U);
    BOOST_TEST(p.queued() == 0U);
}

BOOST_AUTO_TEST_CASE(a_result_out_of_order_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    BOOST_TEST(!p.result_arrived(1, 2));
}

BOOST_AUTO_TEST_CASE(a_result_of_an_idle_worker_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    BOOST_TEST(!p.result_arrived(1, 1));
}

BOOST_AUTO_TEST_CASE(a_result_sent_twice_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    BOOST_TEST(p.result_arrived(1, 1));
    BOOST_TEST(!p.result_arrived(1, 1));
}

BOOST_AUTO_TEST_CASE(a_result_of_an_unknown_worker_makes_no_sense) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1);
    BOOST_TEST(!p.result_arrived(9, 1));
}

BOOST_AUTO_TEST_CASE(a_result_of_another_workers_task_makes_no_sense) {
    auto p = plan::with_ready_workers(2);
    p.submit(1, 2);
    BOOST_TEST(!p.result_arrived(1, 2));
    BOOST_TEST(p.result_arrived(2, 2));
}

BOOST_AUTO_TEST_CASE(a_result_that_makes_no_sense_changes_nothing) {
    auto p = plan::with_ready_workers(1);
    p.submit(1, 2);
    p.next();
    (void)p.result_arrived(1, 2);
    check(p.next(), {});
    BOOST_TEST(p.result_arrived(1, 1));
    BOOST_TEST(p.result_arrived(1, 2));
}

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
    BOOST_TEST(p.result_arrived(1, 1));
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
    BOOST_TEST(p.result_arrived(1, 1));
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
    BOOST_TEST(!p.result_arrived(1, 1));
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
    BOOST_TEST(p.result_arrived(3, 4));         // 4 was requeued last, at the front
    BOOST_TEST(p.result_arrived(3, 3));
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

namespace {

/// Lets the workers that are started one after the other die before they are ready, until none comes after.
void give_up(plan& p, detail::worker_id first) {
    p.next();
    p.died(first, 0);
    for (auto got = p.take_actions(); !got.empty(); got = p.take_actions()) {
        const auto* start = std::get_if<action::start_worker>(&got.front());
        if (start == nullptr) {
            return;
        }
        p.died(start->worker, 0);
    }
}

} // namespace

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

BOOST_AUTO_TEST_CASE(other_workers_go_on_when_one_cannot_start) {
    plan p({.workers = 2});
    p.ready(2);
    give_up(p, 1);
    p.next();
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
    give_up(p, 1);
    p.next();
    p.died(2, 0);
    BOOST_TEST(p.next().size() == 1U); // a start
}

BOOST_AUTO_TEST_CASE(a_vacant_place_is_filled_when_somebody_gets_ready) {
    plan p({.workers = 2});
    p.ready(2);
    give_up(p, 1);
    p.next();
    p.died(2, 0); // 12 takes its place
    BOOST_TEST_REQUIRE(p.next().size() == 1U);
    p.ready(12);
    BOOST_TEST(p.next().size() == 1U); // a start in the other place
}

BOOST_AUTO_TEST_CASE(a_bulky_task_is_not_sent_ahead) {
    auto p = plan::with_ready_workers(1);
    p.submitted(1, true);
    check(p.next(), {"send 1 to 1"});
    p.submitted(2, true);
    p.submitted(3);
    check(p.next(), {});
    BOOST_TEST(p.result_arrived(1, 1));
    check(p.next(), sent(2, 3, 1));
}

// Taking back

BOOST_AUTO_TEST_CASE(an_idle_worker_gets_half_of_what_the_busiest_has_not_begun) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 6);
    p.next();
    p.ready(2);
    check(p.next(), {"take 3 from 1"});
    p.taken_back(1, {2, 3, 4});
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
    p.taken_back(1, {}); // it had received both, if not begun
    check(p.next(), {});
}

BOOST_AUTO_TEST_CASE(a_worker_is_asked_again_after_its_next_result) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 3);
    p.ready(2);
    p.taken_back(1, {});
    p.next();
    BOOST_TEST(p.result_arrived(1, 1));
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
    p.taken_back(1, {});
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
    p.taken_back(1, {2, 3});
    check(p.next(), {"send 2 to 2", "send 3 to 1"});
}

BOOST_AUTO_TEST_CASE(results_are_in_order_behind_what_was_taken_back) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.taken_back(1, {2, 3});
    BOOST_TEST(p.result_arrived(1, 1));
    BOOST_TEST(p.result_arrived(1, 4));
    BOOST_TEST(p.result_arrived(2, 2));
    BOOST_TEST(p.result_arrived(2, 3));
}

BOOST_AUTO_TEST_CASE(an_answer_from_a_worker_that_died_meanwhile_is_ignored) {
    plan p({.workers = 2});
    p.ready(1);
    p.submit(1, 4);
    p.ready(2);
    p.died(1, 1);
    p.next();
    p.taken_back(1, {2, 3}); // both have been requeued by the death
    check(p.next(), {});
    BOOST_TEST(p.result_arrived(2, 2));
    BOOST_TEST(p.result_arrived(2, 3));
    BOOST_TEST(p.result_arrived(2, 4));
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
    BOOST_TEST(p.result_arrived(1, 1));
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
    BOOST_TEST(p.result_arrived(1, 1));
    check(p.next(), {});
    BOOST_TEST(p.result_arrived(1, 2));
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
    p.taken_back(1, {2, 3});
    p.next();
    BOOST_TEST(p.result_arrived(1, 1));
    BOOST_TEST(p.result_arrived(1, 4));
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
    p.taken_back(1, {1});
    BOOST_TEST(p.result_arrived(1, 2));
    const auto got = p.next();
    BOOST_TEST(!contains(got, "dismiss 1"));
}

BOOST_AUTO_TEST_CASE(a_dismissed_worker_gets_nothing_more) {
    auto p = plan::with_ready_workers(1, 1);
    p.submitted(1);
    BOOST_TEST(p.result_arrived(1, 1));
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
    BOOST_TEST(p.result_arrived(1, 1));
    check(p.next(), {});
    BOOST_TEST(p.result_arrived(1, 2));
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
    BOOST_TEST(p.result_arrived(1, 1));
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
    p.died(1, 0);
    BOOST_TEST(!p.finished());
    p.died(2, 0);
    BOOST_TEST(p.finished());
    check(p.next(), {"dismiss 1", "dismiss 2"});
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
    BOOST_TEST(p.result_arrived(1, 1));
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
    BOOST_TEST(!p.result_arrived(1, 1));
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
    p.taken_back(1, {2, 3});
    check(p.next(), {});
    p.died(1, 1);
    p.died(2, 0);
    check(p.next(), {});
    BOOST_TEST(p.finished());
    BOOST_TEST(p.queued() == 0U);
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
    BOOST_TEST(p.result_arrived(1, 2));
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
