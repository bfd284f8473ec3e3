// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Time-outs, cancelling and trying again, as a user meets them.
#include "support/fault.hpp"
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <csignal>
#include <filesystem>
#include <stop_token>

using namespace fault;

namespace {

void announce_and_stay(const std::string& path) {
    std::ofstream(path).put('x');
    stay();
}
void announce(const std::string& path) {
    std::ofstream(path).put('x');
}

/// Counts its attempts in a file, and ends its worker in all but the last.
int succeed_at(const std::string& path, int attempt) {
    std::ofstream(path, std::ios::app).put('x');
    if (std::filesystem::file_size(path) < static_cast<std::size_t>(attempt)) {
        std::raise(SIGKILL);
    }
    return attempt;
}
int throw_until(const std::string& path, int attempt) {
    std::ofstream(path, std::ios::app).put('x');
    if (std::filesystem::file_size(path) < static_cast<std::size_t>(attempt)) {
        throw std::range_error("not yet");
    }
    return attempt;
}
std::size_t attempts_in(const std::string& path) {
    return std::filesystem::file_size(path);
}

/// Ends by itself when asked to.
long stay_until_asked(std::stop_token stop, const std::string& begun) {
    std::ofstream(begun).put('x');
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
    }
    return ::getpid();
}
int twice_unless_asked(std::stop_token stop, int n) {
    return stop.stop_requested() ? -1 : 2 * n;
}
void wait_with_callback(std::stop_token stop, const std::string& begun, const std::string& asked) {
    std::stop_callback on_request(stop, [&] { announce(asked); });
    std::ofstream(begun).put('x');
    while (!std::filesystem::exists(asked)) {
        std::this_thread::sleep_for(1ms);
    }
}
/// Takes a token and does not look at it.
void ignore_request(std::stop_token, const std::string& begun) {
    std::signal(SIGTERM, SIG_IGN);
    announce_and_stay(begun);
}
void ignore_sigterm(const std::string& begun) {
    std::signal(SIGTERM, SIG_IGN);
    announce_and_stay(begun);
}

template <class Error, class R>
std::string what_of(mp::future<R> task) {
    BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
    try {
        task.get();
    } catch (const Error& e) {
        return e.what();
    }
    return "no error";
}

mp::pool_options one_worker(mp::pool_options options = {}) {
    options.processes = 1;
    return options;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_stopping, leaves_nothing)

// Time-outs

BOOST_AUTO_TEST_CASE(a_task_that_runs_for_too_long_times_out) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    const auto what = what_of<mp::task_timed_out>(pool.apply_async({.timeout = 50ms}, stay));
    BOOST_TEST(contains(what, "stay ran for longer than its timeout of 0.05 s"), what);
    BOOST_TEST(pool.apply(own_pid) != worker); // it was ended and replaced
    BOOST_TEST(!runs(worker));
}

BOOST_AUTO_TEST_CASE(the_pool_can_have_a_timeout_for_all) {
    mp::pool pool({.processes = 1, .task_timeout = 50ms});
    BOOST_CHECK_THROW(pool.apply(stay), mp::task_timed_out);
    const scratch_file begun;
    auto longer = pool.apply_async({.timeout = 1h}, announce_and_stay, begun.path());
    BOOST_TEST(!longer.wait_for(200ms));
}

BOOST_AUTO_TEST_CASE(a_task_in_time_is_not_disturbed) {
    mp::pool pool(2);
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(pool.apply({.timeout = 1min}, twice, i) == 2 * i);
    }
    BOOST_TEST(pool.stats().restarts == 0U);
}

BOOST_AUTO_TEST_CASE(waiting_for_a_worker_does_not_count) {
    mp::pool pool(1);
    gate g;
    auto first = pool.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    auto second = pool.apply_async({.timeout = 200ms}, twice, 21);
    BOOST_TEST(!second.wait_for(400ms));
    g.open();
    BOOST_TEST(second.get() == 42);
}

BOOST_AUTO_TEST_CASE(tasks_sent_ahead_of_one_that_times_out_run) {
    mp::pool pool(1);
    auto slow = pool.apply_async({.timeout = 100ms}, stay);
    std::vector<mp::future<int>> others;
    for (int i = 0; i != 10; ++i) {
        others.push_back(pool.apply_async(twice, i));
    }
    BOOST_CHECK_THROW(slow.get(), mp::task_timed_out);
    for (int i = 0; i != 10; ++i) {
        BOOST_TEST(others[static_cast<std::size_t>(i)].get() == 2 * i);
    }
}

BOOST_AUTO_TEST_CASE(a_task_that_ignores_sigterm_times_out_all_the_same) {
    mp::pool pool(1);
    const scratch_file begun;
    BOOST_CHECK_THROW(pool.apply({.timeout = 50ms}, ignore_sigterm, begun.path()), mp::task_timed_out);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_refused) {
    mp::pool pool(1);
    BOOST_CHECK_THROW((void)pool.apply_async({.timeout = 0s}, twice, 1), std::invalid_argument);
    BOOST_CHECK_THROW((void)pool.apply_async({.timeout = -1s}, twice, 1), std::invalid_argument);
    BOOST_CHECK_THROW((void)pool.apply_async({.stop_grace = -1s}, twice, 1), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool({.task_timeout = -1s}), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool({.stop_grace = -1s}), std::invalid_argument);
    BOOST_CHECK_THROW(mp::pool({.retry_back_off = -1s}), std::invalid_argument);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(try_apply_async_takes_options) {
    mp::pool pool(1);
    auto task = pool.try_apply_async({.timeout = 50ms}, stay);
    BOOST_TEST_REQUIRE(task.has_value());
    BOOST_CHECK_THROW(task->get(), mp::task_timed_out);
}

// Cancelling

BOOST_AUTO_TEST_CASE(a_cancelled_task_that_waits_never_runs) {
    mp::pool pool(1);
    gate g;
    auto first = pool.apply_async(pass_gate, g, 1);
    g.wait_for_task();
    const scratch_file trace;
    std::vector<mp::future<void>> ahead;
    for (int i = 0; i != 40; ++i) { // some are sent ahead, some wait
        ahead.push_back(pool.apply_async(announce, trace.path()));
    }
    for (auto& each : ahead) {
        BOOST_TEST(each.cancel());
    }
    BOOST_TEST(contains(what_of<mp::task_cancelled>(std::move(ahead.front())), "announce was cancelled"));
    g.open();
    BOOST_TEST(first.get() == 1);
    BOOST_TEST(pool.apply(twice, 21) == 42);
    BOOST_TEST(!trace.exists());
    BOOST_TEST(pool.stats().restarts == 0U);
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_that_runs_is_stopped) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    const scratch_file begun;
    auto task = pool.apply_async(announce_and_stay, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    BOOST_TEST(task.cancel());
    BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
    BOOST_TEST(!runs(worker)); // when the outcome is there, nothing runs any more
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(a_task_that_is_complete_cannot_be_cancelled) {
    mp::pool pool(1);
    auto task = pool.apply_async(twice, 21);
    task.wait();
    BOOST_TEST(!task.cancel());
    BOOST_TEST(task.get() == 42);
    BOOST_CHECK_THROW(task.cancel(), std::logic_error); // nothing is left to cancel
}

BOOST_AUTO_TEST_CASE(a_map_is_cancelled_as_a_whole) {
    mp::pool pool(2);
    gate g;
    std::vector<std::tuple<gate, int>> elements;
    for (int n = 0; n != 5; ++n) {
        elements.emplace_back(g, n);
    }
    auto all = pool.starmap_async(pass_gate, elements, 1);
    g.wait_for_task();
    BOOST_TEST(all.cancel());
    BOOST_CHECK_THROW(all.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(cancelling_when_the_pool_is_gone_is_too_late) {
    mp::future<void> task;
    {
        mp::pool pool(1);
        task = pool.apply_async(stay);
    }
    BOOST_TEST(!task.cancel());
    BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(threads_may_cancel_while_others_submit) {
    mp::pool pool(2);
    std::atomic<int> cancelled{0};
    std::atomic<int> done{0};
    std::vector<std::thread> threads;
    for (int t = 0; t != 4; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 200; ++i) {
                auto task = pool.apply_async(twice, i);
                const bool accepted = i % 3 == 0 && task.cancel();
                try {
                    if (task.get() == 2 * i && !accepted) {
                        ++done;
                    }
                } catch (const mp::task_cancelled&) {
                    cancelled += accepted ? 1 : 0;
                }
            }
        });
    }
    for (auto& each : threads) {
        each.join();
    }
    BOOST_TEST(done + cancelled == 800);
}

BOOST_AUTO_TEST_CASE(leaving_imap_early_cancels_the_rest) {
    mp::pool pool(2);
    {
        auto input = std::views::iota(0, 50);
        auto results = pool.imap(twice, input);
        for (const int result : results) {
            BOOST_TEST(result == 0);
            break;
        }
    }
    BOOST_TEST(eventually([&] { return pool.stats().queued + pool.stats().running == 0; }));
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

// Stop tokens

BOOST_AUTO_TEST_CASE(a_task_that_takes_a_stop_token_ends_by_itself_and_keeps_its_worker) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    for (int round = 0; round != 3; ++round) {
        const scratch_file begun;
        auto task = pool.apply_async({.stop_grace = 1h}, stay_until_asked, begun.path());
        BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
        BOOST_TEST(task.cancel());
        BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    }
    BOOST_TEST(pool.apply(own_pid) == worker);
}

BOOST_AUTO_TEST_CASE(a_stop_token_tells_of_a_timeout) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    const scratch_file begun;
    BOOST_CHECK_THROW(pool.apply({.timeout = 50ms, .stop_grace = 1h}, stay_until_asked, begun.path()),
                      mp::task_timed_out);
    BOOST_TEST(pool.apply(own_pid) == worker);
}

BOOST_AUTO_TEST_CASE(a_request_is_for_one_task) {
    mp::pool pool(1);
    const scratch_file begun;
    auto task = pool.apply_async({.stop_grace = 1h}, stay_until_asked, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    task.cancel();
    for (int i = 0; i != 10; ++i) {
        BOOST_TEST(pool.apply(twice_unless_asked, i) == 2 * i);
    }
}

BOOST_AUTO_TEST_CASE(a_stop_callback_runs) {
    mp::pool pool(1);
    const scratch_file begun;
    const scratch_file asked;
    auto task = pool.apply_async({.stop_grace = 1h}, wait_with_callback, begun.path(), asked.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    task.cancel();
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(asked.exists());
}

BOOST_AUTO_TEST_CASE(a_task_that_ignores_its_token_is_ended_after_its_grace) {
    mp::pool pool({.processes = 1, .stop_grace = 10ms});
    const scratch_file begun;
    auto task = pool.apply_async(ignore_request, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    BOOST_TEST(task.cancel());
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(a_task_without_a_token_may_have_a_grace_as_well) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    gate g;
    auto task = pool.apply_async({.stop_grace = 1h}, pass_gate, g, 1);
    g.wait_for_task();
    BOOST_TEST(task.cancel());
    g.open();
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply(own_pid) == worker);
}

BOOST_AUTO_TEST_CASE(map_and_lambdas_take_stop_tokens) {
    mp::pool pool(2);
    const auto doubled = pool.map(twice_unless_asked, std::vector{1, 2, 3});
    BOOST_TEST(doubled == (std::vector{2, 4, 6}), boost::test_tools::per_element());
    BOOST_TEST(pool.apply([](std::stop_token stop) { return stop.stop_possible(); }));
    BOOST_TEST(pool.apply([](std::stop_token, auto n) { return n + 1; }, 1) == 2);
}

BOOST_AUTO_TEST_CASE(a_process_takes_a_stop_token_that_nobody_uses) {
    mp::process child([](std::stop_token stop) { std::exit(stop.stop_possible() ? 1 : 3); });
    child.start();
    child.join();
    BOOST_TEST(child.exit_code().value() == 3);
}

// Trying again

BOOST_AUTO_TEST_CASE(a_task_whose_worker_dies_is_tried_again_when_asked) {
    mp::pool pool(one_worker({.retry_back_off = 1ms}));
    const scratch_file trace;
    BOOST_TEST(pool.apply({.max_retries = 2}, succeed_at, trace.path(), 3) == 3);
    BOOST_TEST(attempts_in(trace.path()) == 3U);
    BOOST_TEST(pool.stats().retries == 2U);
}

BOOST_AUTO_TEST_CASE(nothing_is_tried_again_unless_asked) {
    mp::pool pool(1);
    const scratch_file trace;
    BOOST_CHECK_THROW(pool.apply(succeed_at, trace.path(), 2), mp::worker_died);
    BOOST_TEST(attempts_in(trace.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(attempts_are_bounded_and_told) {
    mp::pool pool(one_worker({.max_retries = 2, .retry_back_off = 1ms}));
    const scratch_file trace;
    const auto what = what_of<mp::worker_died>(pool.apply_async(succeed_at, trace.path(), 9));
    BOOST_TEST(contains(what, "succeed_at (the last of 3 attempts)"), what);
    BOOST_TEST(attempts_in(trace.path()) == 3U);
}

BOOST_AUTO_TEST_CASE(a_timeout_counts_as_an_attempt) {
    mp::pool pool(one_worker({.retry_back_off = 1ms}));
    const auto what =
        what_of<mp::task_timed_out>(pool.apply_async({.timeout = 30ms, .max_retries = 1}, stay));
    BOOST_TEST(contains(what, "(the last of 2 attempts)"), what);
}

/// Long in its first attempt, and asked to stop then; the second is not.
bool was_asked(std::stop_token stop, const std::string& path) {
    std::ofstream(path, std::ios::app).put('x');
    while (attempts_in(path) == 1 && !stop.stop_requested()) {
        std::this_thread::sleep_for(1ms);
    }
    return stop.stop_requested();
}

BOOST_AUTO_TEST_CASE(a_request_to_stop_is_for_one_attempt) {
    mp::pool pool(one_worker({.retry_back_off = 1ms}));
    const scratch_file trace;
    BOOST_TEST(!pool.apply({.timeout = 100ms, .max_retries = 1, .stop_grace = 1h}, was_asked, trace.path()));
    BOOST_TEST(attempts_in(trace.path()) == 2U);
}

BOOST_AUTO_TEST_CASE(a_time_without_end_is_no_limit) {
    mp::pool pool(1);
    const mp::task_options patient{.timeout = std::chrono::nanoseconds::max(),
                                   .stop_grace = std::chrono::nanoseconds::max()};
    BOOST_TEST(pool.apply(patient, twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(an_exception_is_tried_again_when_the_predicate_says_so) {
    mp::pool pool(one_worker({.max_retries = 5,
                              .retry_if =
                                  [](const std::exception_ptr& e) {
                                      try {
                                          std::rethrow_exception(e);
                                      } catch (const std::range_error&) {
                                          return true;
                                      } catch (...) {
                                          return false;
                                      }
                                  },
                              .retry_back_off = 1ms}));
    const scratch_file trace;
    BOOST_TEST(pool.apply(throw_until, trace.path(), 3) == 3);
    BOOST_CHECK_THROW(pool.apply([] { throw std::logic_error("no"); }), std::logic_error);
    BOOST_TEST(pool.stats().retries == 2U);
}

BOOST_AUTO_TEST_CASE(exceptions_are_not_tried_again_without_a_predicate) {
    mp::pool pool(one_worker({.max_retries = 5, .retry_back_off = 1ms}));
    const scratch_file trace;
    BOOST_CHECK_THROW(pool.apply(throw_until, trace.path(), 2), std::range_error);
    BOOST_TEST(attempts_in(trace.path()) == 1U);
}

BOOST_AUTO_TEST_CASE(a_predicate_may_use_the_pool_and_may_throw) {
    mp::pool pool(one_worker({.retry_back_off = 1ms}));
    const scratch_file trace;
    mp::future<int> another;
    const mp::task_options asked{.max_retries = 1, .retry_if = [&](const std::exception_ptr&) -> bool {
                                     another = pool.apply_async(twice, 21);
                                     throw std::runtime_error("cannot tell");
                                 }};
    BOOST_CHECK_THROW(pool.apply(asked, throw_until, trace.path(), 9), std::range_error);
    BOOST_TEST(another.get() == 42);
}

BOOST_AUTO_TEST_CASE(a_task_that_keeps_killing_workers_starves_nobody) {
    mp::pool pool({.processes = 2, .retry_back_off = 1ms});
    const scratch_file trace;
    auto killer = pool.apply_async({.max_retries = 20}, succeed_at, trace.path(), 1'000);
    for (int i = 0; i != 500; ++i) {
        BOOST_TEST_REQUIRE(pool.apply(twice, i) == 2 * i);
    }
    BOOST_CHECK_THROW(killer.get(), mp::worker_died);
}

// Recycling

BOOST_AUTO_TEST_CASE(a_worker_that_has_grown_is_replaced_after_its_task) {
    mp::pool pool(one_worker({.max_rss = std::size_t{160} << 20}));
    const auto worker = pool.apply(own_pid);
    BOOST_TEST(pool.apply(own_pid) == worker);
    const auto grow = [] {
        static std::vector<char> kept;
        kept.assign(std::size_t{200} << 20, 'x');
        return static_cast<long>(::getpid());
    };
    BOOST_TEST(pool.apply(grow) == worker); // it finishes its task
    BOOST_TEST(pool.apply(own_pid) != worker);
    BOOST_TEST(pool.stats().failed == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
