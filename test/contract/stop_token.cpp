// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Whatever waits can be asked to stop.
#include <multiprocessing.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <functional>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// Asks `wait`, which returns whether it was stopped, to stop: before it begins, and at some instants
/// while it begins and while it sleeps.
template <class Wait>
void check_that_it_stops(const Wait& wait, int rounds = 10) {
    for (int round = 0; round != rounds; ++round) {
        std::stop_source source;
        bool stopped = false;
        std::thread waiter([&] { stopped = wait(source.get_token()); });
        for (int i = 0; i != round * round; ++i) {
            std::this_thread::yield();
        }
        source.request_stop();
        waiter.join();
        BOOST_TEST(stopped);
        BOOST_TEST(wait(source.get_token()));
    }
}

/// For waits that throw.
template <class Error, class Wait>
auto throws(const Wait& wait) {
    return [wait](const std::stop_token& stop) {
        try {
            wait(stop);
            return false;
        } catch (const Error&) {
            return true;
        }
    };
}

/// A token that nobody asks to stop, but might.
struct never_asked {
    std::stop_source source;
    std::stop_token token = source.get_token();
};

/// One that was asked.
std::stop_token asked() {
    std::stop_source source;
    source.request_stop();
    return source.get_token();
}

/// The calls of an actor that a process waits for room for, and stops to.
bool calls_stop(const mp::actor<gate>& actor, const std::stop_token& stop) {
    try {
        for (int i = 0; i != 10'000; ++i) { // thousands wait, or are under way
            (void)actor.call({.stop = stop}, &gate::pass);
        }
        return false;
    } catch (const mp::wait_stopped&) {
        return true;
    }
}

struct held_task : leaves_nothing {
    mp::pool pool{1};
    gate g;
    std::vector<mp::future<int>> futures;

    held_task() { futures.push_back(pool.apply_async(pass_gate, g, 5)); }
};

[[noreturn]] void stay() {
    for (;;) {
        ::pause();
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(stop_token, leaves_nothing)

BOOST_FIXTURE_TEST_CASE(waits_for_futures_stop, held_task) {
    auto& f = futures.front();
    check_that_it_stops([&](const auto& stop) { return !f.wait(stop); });
    check_that_it_stops([&](const auto& stop) { return !f.wait_for(1h, stop); });
    check_that_it_stops(throws<mp::wait_stopped>([&](const auto& stop) { (void)f.get(stop); }));
    check_that_it_stops([&](const auto& stop) { return !mp::wait_all(futures, stop); });
    check_that_it_stops([&](const auto& stop) { return !mp::wait_all_for(futures, 1h, stop); });
    check_that_it_stops([&](const auto& stop) { return !mp::wait_any(futures, stop); });
    check_that_it_stops([&](const auto& stop) { return !mp::wait_any_for(futures, 1h, stop); });
    const auto other = pool.apply_async([] { return std::string("other"); }); // behind the one that is held
    check_that_it_stops([&](const auto& stop) { return !mp::wait_all(stop, f, other); });
    check_that_it_stops([&](const auto& stop) { return !mp::wait_any(stop, f, other); });
    check_that_it_stops(throws<mp::wait_stopped>([&](const auto& stop) {
        for ([[maybe_unused]] auto& each : mp::as_completed(futures, stop)) {
        }
    }));
    g.open();
    const never_asked never;
    BOOST_TEST(mp::wait_all(never.token, f, other));
    BOOST_TEST(mp::wait_any(never.token, f, other).has_value());
    BOOST_TEST(f.get(never.token) == 5);
}

BOOST_FIXTURE_TEST_CASE(a_stopped_apply_cancels_its_task, held_task) {
    check_that_it_stops(
        throws<mp::wait_stopped>([&](const auto& stop) { pool.apply({.stop = stop}, pass_gate, g, 1); }));
    const auto stats = pool.stats();
    BOOST_TEST(stats.queued + stats.running == 1U); // the one that is held
    mp::pool other(1);
    BOOST_TEST(other.apply({.stop = never_asked().token}, [] { return 5; }) == 5);
    BOOST_CHECK_THROW(other.apply({.stop = never_asked().token}, [] { throw std::range_error("own"); }),
                      std::range_error);
    g.open();
    BOOST_TEST(futures.front().get() == 5);
}

BOOST_AUTO_TEST_CASE(who_waits_for_room_stops) {
    mp::pool pool({.processes = 1, .task_queue_capacity = 1, .prefetch = 0});
    gate g;
    BOOST_CHECK_THROW((void)pool.apply_async({.stop = asked()}, pass_gate, g, 1), mp::wait_stopped);
    auto running = pool.apply_async(pass_gate, g, 1);
    auto queued = pool.apply_async(pass_gate, g, 2); // waits until a worker has that
    check_that_it_stops(throws<mp::wait_stopped>(
        [&](const auto& stop) { (void)pool.apply_async({.stop = stop}, pass_gate, g, 3); }));
    check_that_it_stops(
        throws<mp::wait_stopped>([&](const auto& stop) { pool.apply({.stop = stop}, pass_gate, g, 3); }));
    const auto stats = pool.stats();
    BOOST_TEST(stats.queued + stats.running == 2U);
    g.open(2);
    BOOST_TEST(running.get() == 1);
    BOOST_TEST(queued.get() == 2);
}

BOOST_AUTO_TEST_CASE(who_waits_for_room_for_an_actors_call_stops) {
    gate g;
    const auto actor = mp::actor<gate>::made_by([](gate one) { return one; }, g);
    const auto stops = [&](const auto& stop) { return calls_stop(actor, stop); };
    check_that_it_stops(stops, 2);
    mp::pool elsewhere(1);
    BOOST_TEST(elsewhere.apply([](mp::actor<gate> there) { return calls_stop(there, asked()); }, actor));
    actor.terminate();
}

BOOST_AUTO_TEST_CASE(a_map_stops_while_it_waits_for_room) {
    mp::pool pool({.processes = 1, .task_queue_capacity = 2});
    gate g;
    const auto pass = [](gate each) {
        each.pass();
        return 1;
    };
    const std::vector<gate> gates(100, g);
    const auto stops = [](const auto& wait) { check_that_it_stops(throws<mp::wait_stopped>(wait), 4); };
    stops([&](const auto& stop) { pool.map(pass, gates, 1, stop); });
    stops([&](const auto& stop) { pool.starmap(pass, std::vector<std::tuple<gate>>(100, {g}), 1, stop); });
    BOOST_TEST(pool.stats().queued <= 2U);
}

BOOST_FIXTURE_TEST_CASE(a_range_of_futures_goes_on_after_a_stop, held_task) {
    std::stop_source source;
    auto range = mp::as_completed(futures, 1h, source.get_token());
    source.request_stop();
    BOOST_CHECK_THROW((void)range.begin(), mp::wait_stopped);
    g.open();
    futures.front().wait();
    BOOST_TEST((*range.begin()).get() == 5);
}

BOOST_FIXTURE_TEST_CASE(waits_for_results_stop, held_task) {
    const auto pass = [](gate each) {
        each.pass();
        return 1;
    };
    const std::vector<gate> gates(3, g);
    std::vector<int> got;
    const auto stops = [](const auto& wait) { check_that_it_stops(throws<mp::wait_stopped>(wait), 2); };
    stops([&](const auto& stop) { (void)pool.imap(pass, gates, stop).begin(); });
    stops([&](const auto& stop) { (void)pool.imap_unordered(pass, gates, stop).begin(); });
    stops([&](const auto& stop) { pool.map(pass, gates, 1, stop); });
    stops([&](const auto& stop) { pool.starmap(pass, std::vector<std::tuple<gate>>(3, {g}), 1, stop); });
    stops([&](const auto& stop) { pool.map(pass, gates, std::back_inserter(got), 1, stop); });
    stops([&](const auto& stop) { pool.map_reduce(pass, gates, std::plus<>(), 0, mp::automatic, stop); });
    BOOST_TEST(got.empty());
    std::stop_source source;
    auto results = pool.imap(pass, gates, source.get_token());
    g.open(4);
    BOOST_TEST(*results.begin() == 1);
    futures.front().wait();
    source.request_stop();
    BOOST_TEST(futures.front().get() == 5);
}

// Who takes results more slowly than they come never waits.
BOOST_AUTO_TEST_CASE(results_that_need_no_wait_end_after_a_stop) {
    mp::pool pool(2);
    const auto stop_at_the_third = [&](const auto& each_of) {
        std::stop_source source;
        int got = 0;
        const auto take_all = [&] {
            for ([[maybe_unused]] auto& each : each_of(source.get_token())) {
                if (++got == 3) {
                    source.request_stop();
                }
            }
        };
        BOOST_CHECK_THROW(take_all(), mp::wait_stopped);
        BOOST_TEST(got >= 3);
    };
    const auto half = [](int n) { return n / 2; };
    const std::vector<int> many(100'000);
    stop_at_the_third([&](auto stop) { return pool.imap(half, many, stop); });
    stop_at_the_third([&](auto stop) { return pool.imap_unordered(half, many, stop); });
}

BOOST_FIXTURE_TEST_CASE(waits_for_the_end_of_a_pool_stop, held_task) {
    BOOST_CHECK_THROW((void)pool.join(asked()), std::logic_error);
    pool.close();
    check_that_it_stops([&](const auto& stop) { return !pool.join(stop); });
    check_that_it_stops([&](const auto& stop) { return !pool.join_for(1h, stop); });
    BOOST_TEST(!pool.join_for(1ms));
    BOOST_TEST(!pool.join_until(std::chrono::system_clock::now()));
    g.open();
    BOOST_TEST(pool.join(never_asked().token));
    BOOST_TEST(pool.join(asked()));
    BOOST_TEST(futures.front().get() == 5);
}

BOOST_AUTO_TEST_CASE(waits_for_queues_stop) {
    mp::joinable_queue<std::string> q(1);
    check_that_it_stops([&](const auto& stop) { return !q.get(stop); });
    check_that_it_stops([&](const auto& stop) { return !q.get_for(1h, stop); });
    BOOST_TEST(q.put("a", asked()));
    check_that_it_stops([&](const auto& stop) { return !q.put("b", stop); });
    check_that_it_stops([&](const auto& stop) { return !q.put(std::string(100'000, 'x'), stop); });
    check_that_it_stops([&](const auto& stop) { return !q.put_for("b", 1h, stop); });
    check_that_it_stops([&](const auto& stop) { return !q.join(stop); });
    BOOST_TEST(q.get(asked()).value() == "a");
    q.task_done();
    BOOST_TEST(q.join(asked()));
}

BOOST_AUTO_TEST_CASE(who_is_not_asked_waits_on) {
    mp::queue<int> q(1);
    const never_asked one;
    int got = 0;
    std::thread other([&] { got = q.get(one.token).value(); });
    check_that_it_stops([&](const auto& stop) { return !q.get(stop); });
    q.put(5);
    other.join();
    BOOST_TEST(got == 5);
}

BOOST_AUTO_TEST_CASE(waits_for_processes_stop) {
    mp::process p(stay);
    p.start();
    check_that_it_stops([&](const auto& stop) { return !p.join(stop); });
    check_that_it_stops([&](const auto& stop) { return !p.join_for(1h, stop); });
    p.kill();
    BOOST_TEST(p.join(never_asked().token));
    BOOST_TEST(p.join(asked()));
}

BOOST_FIXTURE_TEST_CASE(waits_for_several_things_stop, held_task) {
    auto [a, b] = mp::pipe<int>();
    mp::process p(stay);
    p.start();
    check_that_it_stops([&](const auto& stop) { return mp::wait({a, p, futures.front()}, stop).empty(); });
    check_that_it_stops([&](const auto& stop) { return mp::wait_for({a, p}, 1h, stop).empty(); });
    b.send(1);
    BOOST_TEST((mp::wait({p, a, futures.front()}, asked()) == std::vector<std::size_t>{1}));
    p.kill();
    p.join();
    BOOST_TEST((mp::wait({p, futures.front()}, never_asked().token) == std::vector<std::size_t>{0}));
    g.open();
}

BOOST_AUTO_TEST_CASE(waits_for_connections_stop) {
    auto [a, b] = mp::pipe<std::string>();
    check_that_it_stops([&](const auto& stop) { return !a.recv(stop); });
    check_that_it_stops([&](const auto& stop) { return !a.recv_for(1h, stop); });
    check_that_it_stops([&](const auto& stop) { return !a.poll(1h, stop); });
    const std::string text(10'000, 'x');
    int sent = 0;
    while (a.try_send(text)) {
        ++sent;
    }
    check_that_it_stops([&](const auto& stop) { return !a.send(text, stop); });
    check_that_it_stops([&](const auto& stop) { return !a.send_for(text, 1h, stop); });
    for (; sent != 0; --sent) {
        BOOST_TEST((b.recv(asked()) == text));
    }
    BOOST_TEST(!b.try_recv().has_value()); // nothing of what was stopped
    BOOST_TEST(a.send("a", asked()));
    BOOST_TEST(b.recv(never_asked().token).value() == "a");
}

BOOST_AUTO_TEST_CASE(waits_for_synchronisation_stop) {
    mp::counting_semaphore semaphore(0);
    check_that_it_stops([&](const auto& stop) { return !semaphore.acquire(stop); });
    check_that_it_stops([&](const auto& stop) { return !semaphore.try_acquire_for(1h, stop); });
    semaphore.release();
    BOOST_TEST(semaphore.acquire(asked()));

    mp::event event;
    check_that_it_stops([&](const auto& stop) { return !event.wait(stop); });
    check_that_it_stops([&](const auto& stop) { return !event.wait_for(1h, stop); });
    event.set();
    BOOST_TEST(event.wait(asked()));

    mp::mutex mutex;
    mp::condition_variable changed;
    check_that_it_stops([&](const auto& stop) {
        std::unique_lock lock(mutex);
        const bool holds = changed.wait(lock, stop, [] { return false; });
        return !holds && lock.owns_lock();
    });
    check_that_it_stops([&](const auto& stop) {
        std::unique_lock lock(mutex);
        return !changed.wait_for(lock, stop, 1h, [] { return false; });
    });
    std::jthread restless([&](const std::stop_token& enough) {
        while (!enough.stop_requested()) {
            changed.notify_all();
        }
    });
    check_that_it_stops([&](const auto& stop) { // also who is notified all the time
        std::unique_lock lock(mutex);
        return !changed.wait(lock, stop, [] { return false; });
    });
}

BOOST_AUTO_TEST_CASE(waits_for_a_mutex_stop) {
    mp::mutex mutex;
    std::unique_lock held(mutex);
    std::stop_source source;
    bool locked = true;
    std::thread waiter([&] { locked = mutex.lock(source.get_token()); });
    source.request_stop();
    waiter.join();
    BOOST_TEST(!locked);
    held.unlock();
    BOOST_TEST(mutex.lock(asked()));
    mutex.unlock();
}

BOOST_AUTO_TEST_CASE(a_party_that_stops_breaks_the_barrier) {
    mp::barrier barrier(2);
    check_that_it_stops([&](const auto& stop) {
        return throws<mp::broken_barrier>([&](const auto& token) { barrier.arrive_and_wait(token); })(stop);
    });
    BOOST_TEST(barrier.broken());
}

BOOST_AUTO_TEST_CASE(a_cancelled_task_may_wait_with_its_token_and_keeps_its_worker) {
    mp::pool pool(1);
    mp::queue<long> arrived(1);
    const mp::queue<int> nothing(1);
    const auto wait_for_more = [](std::stop_token stop, mp::queue<long> here, mp::queue<int> more) {
        here.put(::getpid());
        (void)more.get(stop);
    };
    auto task = pool.apply_async({.stop_grace = 1h}, wait_for_more, arrived, nothing);
    const auto worker = arrived.get();
    BOOST_TEST(task.cancel());
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply([] { return long{::getpid()}; }) == worker);
}

BOOST_AUTO_TEST_CASE(who_may_be_asked_still_learns_of_deaths) {
    const never_asked one;
    mp::pool pool(1);
    auto died = pool.apply_async([] { return std::raise(SIGKILL); });
    BOOST_CHECK_THROW((void)died.get(one.token), mp::worker_died);
    auto [a, b] = mp::pipe<int>();
    mp::process p([](mp::connection<int>) { std::raise(SIGKILL); }, std::move(b));
    p.start();
    b.close();
    BOOST_CHECK_THROW((void)a.recv(one.token), mp::end_of_file);
    BOOST_TEST(p.join(one.token));
}

BOOST_AUTO_TEST_SUITE_END()
