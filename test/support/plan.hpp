// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "pool/schedule.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <variant>
#include <vector>

// Every test of the schedule is one interleaving: events, and the actions they lead to. Actions are compared
// as text, with times in milliseconds:
//
//     start W after MS | send T to W | take N from W | time T at W: MS | stop T at W | dismiss W
//     end W | end W after MS | spare W | rest T for MS | fail T: REASON

namespace plans {

namespace detail = multiprocessing::detail;
namespace action = detail::action;
using actions = std::vector<std::string>;
using namespace std::chrono_literals;
using verdict = detail::schedule::verdict;

inline std::string ms(std::chrono::nanoseconds duration) {
    return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

inline std::string text(const action::start_worker& a) {
    return "start " + std::to_string(a.worker) + " after " + ms(a.after);
}
inline std::string text(const action::send_task& a) {
    return "send " + std::to_string(a.task) + " to " + std::to_string(a.worker);
}
inline std::string text(const action::take_back& a) {
    return "take " + std::to_string(a.count) + " from " + std::to_string(a.worker);
}
inline std::string text(const action::start_timer& a) {
    return "time " + std::to_string(a.task) + " at " + std::to_string(a.worker) + ": " + ms(a.after);
}
inline std::string text(const action::request_stop& a) {
    return "stop " + std::to_string(a.task) + " at " + std::to_string(a.worker);
}
inline std::string text(const action::dismiss_worker& a) {
    return "dismiss " + std::to_string(a.worker);
}
inline std::string text(const action::end_worker& a) {
    return "end " + std::to_string(a.worker) + (a.after == 0ns ? "" : " after " + ms(a.after));
}
inline std::string text(const action::spare_worker& a) {
    return "spare " + std::to_string(a.worker);
}
inline std::string text(const action::rest_task& a) {
    return "rest " + std::to_string(a.task) + " for " + ms(a.after);
}
inline std::string text(const action::fail_task& a) {
    static const char* const reasons[] = {"worker died", "timed out", "cancelled", "no worker starts",
                                          "terminated"};
    return "fail " + std::to_string(a.task) + ": " + reasons[static_cast<std::size_t>(a.reason)];
}

constexpr auto most_under_way = detail::schedule_options{}.most_under_way;

/// A schedule and its actions, as text. Most events are decided upon one by one; `results` are several that
/// are decided upon together, as they are in a pool.
struct plan : detail::schedule {
    explicit plan(const detail::schedule_options& options) : schedule(options) {}

    actions next() {
        decide();
        return std::exchange(decided_, {});
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
        decide();
    }

    void ready(detail::worker_id worker) {
        schedule::ready(worker);
        decide();
    }

    /// Tasks are taken back, and nothing else has come of the worker.
    void give_back(detail::worker_id worker, const std::vector<detail::task_id>& tasks) {
        decide();
        taken_back(worker, tasks);
        settled(worker);
        decide();
    }

    /// A result arrives; whether it is its task's outcome.
    bool result(detail::worker_id worker, detail::task_id task) {
        decide();
        const bool is_outcome = result_arrived(worker, task) == verdict::outcome;
        decide();
        return is_outcome;
    }

    /// The results FIRST to LAST arrive.
    void results(detail::worker_id worker, detail::task_id first, detail::task_id last) {
        decide();
        for (auto task = first; task <= last; ++task) {
            BOOST_TEST((result_arrived(worker, task) == verdict::outcome));
        }
        decide();
    }

private:
    void decide() {
        for (const auto& any : take_actions()) {
            decided_.push_back(std::visit([](const auto& one) { return text(one); }, any));
        }
    }

    actions decided_;
};

/// The ids FIRST to LAST sent to a worker, as actions.
inline actions sent(detail::task_id first, detail::task_id last, detail::worker_id worker) {
    actions result;
    for (auto task = first; task <= last; ++task) {
        result.push_back(text(action::send_task{worker, task}));
    }
    return result;
}

inline void check(const actions& got, const actions& expected) {
    BOOST_TEST(got == expected, boost::test_tools::per_element());
}

inline bool contains(const actions& got, const std::string& one) {
    return std::ranges::find(got, one) != got.end();
}

/// Lets the workers that are started one after the other die before they are ready, until none comes after.
inline void give_up(plan& p, detail::worker_id first) {
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

} // namespace plans
