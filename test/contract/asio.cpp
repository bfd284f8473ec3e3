// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Waiting as operations of Boost.Asio.
#include <multiprocessing/asio.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <exception>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

// A false alarm of g++ 12 at Asio's frames of coroutines, once they are inlined.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace mp = multiprocessing;
namespace net = boost::asio;
using net::cancellation_type;

namespace {

int square(int n) {
    return n * n;
}
int throw_out_of_range(int n) {
    throw std::out_of_range(std::to_string(n));
}
int die(int) {
    return std::raise(SIGKILL);
}
[[noreturn]] void stay() {
    for (;;) {
        ::pause();
    }
}

void write_letters(mp::queue<std::string> out) {
    for (const char* letter : {"a", "b", "c", "d", "e"}) {
        out.put(letter);
    }
}

/// What a handler was called with.
template <class R>
struct outcome {
    int calls = 0;
    std::exception_ptr error{};
    R value{};

    /// The handler.
    auto store() {
        return [this](std::exception_ptr e, R v) {
            ++calls;
            error = std::move(e);
            value = std::move(v);
        };
    }
    R get() const {
        BOOST_TEST(calls == 1);
        return error ? (std::rethrow_exception(error), R{}) : value;
    }
};
template <>
struct outcome<void> {
    int calls = 0;
    std::exception_ptr error{};

    auto store() {
        return [this](std::exception_ptr e) {
            ++calls;
            error = std::move(e);
        };
    }
    void get() const {
        BOOST_TEST(calls == 1);
        if (error) {
            std::rethrow_exception(error);
        }
    }
};

bool is_aborted(const boost::system::system_error& e) {
    return e.code() == net::error::operation_aborted;
}

struct with_context : leaves_nothing {
    std::optional<net::io_context> context{std::in_place};
    net::cancellation_signal signal{};

    /// The handler, run by the context.
    template <class Handler>
    auto here(Handler handler) {
        return net::bind_executor(*context, std::move(handler));
    }
    template <class Handler>
    auto cancellable(Handler handler) {
        return net::bind_cancellation_slot(signal.slot(), here(std::move(handler)));
    }
};

struct with_pool : with_context {
    std::optional<mp::pool> pool{std::in_place, 2};
    gate g;
};

/// Of memory that it counts.
template <class T>
struct counting_allocator {
    using value_type = T;
    std::shared_ptr<std::pair<int, int>> counts; // made, and there now

    explicit counting_allocator(std::shared_ptr<std::pair<int, int>> c) : counts(std::move(c)) {}
    template <class U>
    counting_allocator(const counting_allocator<U>& other) : counts(other.counts) {} // NOLINT: implicit
    T* allocate(std::size_t n) {
        ++counts->first;
        ++counts->second;
        return std::allocator<T>().allocate(n);
    }
    void deallocate(T* p, std::size_t n) {
        --counts->second;
        std::allocator<T>().deallocate(p, n);
    }
    template <class U>
    bool operator==(const counting_allocator<U>& other) const {
        return counts == other.counts;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(asio, with_context)

BOOST_FIXTURE_TEST_CASE(handlers_run_on_their_executor_which_has_work_meanwhile, with_pool) {
    outcome<int> result;
    mp::async_apply(*pool, pass_gate, g, 5, here(result.store()));
    g.wait_for_task();
    BOOST_TEST(context->poll() == 0u);
    BOOST_TEST(!context->stopped());
    g.open();
    context->run(); // returns when nothing is left to do
    BOOST_TEST(result.get() == 5);
}

BOOST_FIXTURE_TEST_CASE(handlers_never_run_in_the_initiating_function, with_pool) {
    mp::queue<int> q(1);
    outcome<int> refused;
    outcome<int> got;
    outcome<void> put;
    pool->close();
    mp::async_apply(*pool, square, 5, here(refused.store()));
    mp::async_put(q, 7, here(put.store()));
    mp::async_get(q, here(got.store()));
    BOOST_TEST(refused.calls + got.calls + put.calls == 0);
    context->run();
    BOOST_CHECK_THROW(refused.get(), mp::pool_closed);
    BOOST_CHECK_NO_THROW(put.get());
    BOOST_TEST(got.get() == 7);
}

BOOST_FIXTURE_TEST_CASE(errors_arrive_as_themselves, with_pool) {
    outcome<int> thrown;
    outcome<int> died;
    outcome<int> fine;
    mp::async_apply(*pool, throw_out_of_range, 1, here(thrown.store()));
    mp::async_apply(*pool, die, 1, here(died.store()));
    mp::async_apply(*pool, square, 3, here(fine.store()));
    context->run();
    BOOST_CHECK_THROW(thrown.get(), std::out_of_range);
    BOOST_CHECK_THROW(died.get(), mp::worker_died);
    BOOST_TEST(fine.get() == 9);
}

BOOST_FIXTURE_TEST_CASE(results_may_be_nothing_or_move_only, with_pool) {
    outcome<void> nothing;
    outcome<std::unique_ptr<int>> owner;
    mp::async_apply(
        *pool, [] {}, here(nothing.store()));
    mp::async_apply(
        *pool, [] { return std::make_unique<int>(5); },
        here([&, stored = std::make_unique<int>(1)](std::exception_ptr e, std::unique_ptr<int> p) {
            owner.store()(std::move(e), std::move(p)); // a handler that is move-only as well
        }));
    context->run();
    BOOST_CHECK_NO_THROW(nothing.get());
    BOOST_REQUIRE(owner.value);
    BOOST_TEST(*owner.value == 5);
}

BOOST_FIXTURE_TEST_CASE(any_completion_token_will_do, with_pool) {
    auto future = mp::async_apply(*pool, square, 2, here(net::use_future));
    auto failing = mp::async_apply(*pool, die, 2, here(net::use_future));
    auto later = mp::async_apply(*pool, square, 3, net::deferred);
    outcome<int> deferred;
    std::move(later)(here(deferred.store()));
    int in_tuple = 0;
    mp::async_apply(*pool, square, 4, net::as_tuple(here([&](const std::tuple<std::exception_ptr, int>& t) {
        in_tuple = std::get<1>(t);
    })));
    context->run();
    BOOST_TEST(future.get() == 4);
    BOOST_CHECK_THROW(failing.get(), mp::worker_died);
    BOOST_TEST(deferred.get() == 9);
    BOOST_TEST(in_tuple == 16);
}

#ifdef BOOST_ASIO_HAS_CO_AWAIT
namespace {

net::awaitable<void> await_everything(mp::pool& pool, bool& done) {
    BOOST_TEST(co_await mp::async_apply(pool, square, 5, net::use_awaitable) == 25);
    const auto [error, value] = co_await mp::async_apply(pool, die, 5, net::as_tuple(net::use_awaitable));
    BOOST_CHECK_THROW(std::rethrow_exception(error), mp::worker_died);
    try {
        co_await mp::async_apply(pool, throw_out_of_range, 5, net::use_awaitable);
        BOOST_ERROR("it did not throw");
    } catch (const std::out_of_range& e) {
        BOOST_TEST(e.what() == std::string("5"));
    }
    mp::queue<std::string> q(1);
    co_await mp::async_put(q, "abc", net::use_awaitable);
    BOOST_TEST(co_await mp::async_get(q, net::use_awaitable) == "abc");
    mp::process child([] { std::exit(3); });
    child.start();
    BOOST_TEST(co_await mp::async_wait(child, net::use_awaitable) == 3);
    done = true;
}

net::awaitable<void> await_gate(mp::pool& pool, gate held, std::shared_ptr<int> /*owned*/) {
    co_await mp::async_apply(pool, pass_gate, held, 5, net::use_awaitable);
}

} // namespace

BOOST_FIXTURE_TEST_CASE(coroutines_await_everything, with_pool) {
    bool done = false;
    net::co_spawn(*context, await_everything(*pool, done), net::detached);
    context->run();
    BOOST_TEST(done);
}

BOOST_FIXTURE_TEST_CASE(coroutines_are_destroyed_with_their_context, with_pool) {
    auto owned = std::make_shared<int>(1);
    net::co_spawn(*context, await_gate(*pool, g, owned), net::detached);
    context->poll();
    g.wait_for_task();
    BOOST_TEST(owned.use_count() == 2);
    context.reset();
    BOOST_TEST(owned.use_count() == 1);
    g.open();
}
#endif

BOOST_FIXTURE_TEST_CASE(executors_are_honoured, with_pool) {
    net::thread_pool threads(2);
    const auto strand = net::make_strand(threads);
    constexpr int many = 200;
    int sum = 0; // guarded by the strand
    int astray = 0;
    for (int i = 0; i != many; ++i) {
        mp::async_apply(*pool, square, i % 3, net::bind_executor(strand, [&](std::exception_ptr e, int n) {
            astray += e || !strand.running_in_this_thread() ? 1 : 0;
            sum += n;
        }));
    }
    threads.join();
    BOOST_TEST(astray == 0);
    BOOST_TEST(sum == 67 * 0 + 67 * 1 + 66 * 4);
}

BOOST_FIXTURE_TEST_CASE(allocators_are_honoured_and_have_their_memory_back_before_the_handler_runs,
                        with_pool) {
    const auto counts = std::make_shared<std::pair<int, int>>();
    mp::queue<int> q(1);
    const auto check = [&](int calls) {
        return net::bind_allocator(counting_allocator<void>(counts),
                                   here([&, calls](std::exception_ptr e, int n) {
                                       BOOST_TEST(!e);
                                       BOOST_TEST(n == calls);
                                       BOOST_TEST(counts->first >= 1);
                                       BOOST_TEST(counts->second == 0);
                                   }));
    };
    mp::async_apply(*pool, square, 5, check(25));
    BOOST_TEST(context->run() == 1u);
    context->restart();
    counts->first = 0;
    mp::async_get(q, check(7));
    q.put(7);
    BOOST_TEST(context->run() == 1u);
}

BOOST_FIXTURE_TEST_CASE(a_full_task_queue_keeps_nobody_waiting, with_pool) {
    mp::pool small({.processes = 1, .task_queue_capacity = 1});
    std::list<outcome<int>> results;
    for (int i = 0; i != 20; ++i) {
        mp::async_apply(small, pass_gate, g, i, here(results.emplace_back().store()));
    }
    g.open(20);
    context->run();
    for (int i = 0; const auto& each : results) {
        BOOST_TEST(each.get() == i++);
    }
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_operation_cancels_its_task, with_pool) {
    outcome<int> cancelled;
    mp::async_apply(*pool, pass_gate, g, 1, cancellable(cancelled.store()));
    const auto worker = g.wait_for_task();
    signal.emit(cancellation_type::terminal);
    BOOST_TEST(cancelled.calls == 0);
    context->run();
    BOOST_CHECK_EXCEPTION(cancelled.get(), boost::system::system_error, is_aborted);
    BOOST_TEST(::kill(static_cast<pid_t>(worker), 0) == -1); // which had no way to end the task by itself
    signal.emit(cancellation_type::terminal);                // nobody listens any more
    BOOST_TEST(pool->apply(square, 5) == 25);
}

BOOST_FIXTURE_TEST_CASE(a_cancelled_task_that_waits_never_runs, with_pool) {
    mp::pool small(1);
    outcome<int> running;
    outcome<int> waiting;
    mp::async_apply(small, pass_gate, g, 1, here(running.store()));
    mp::async_apply(small, pass_gate, g, 2, cancellable(waiting.store()));
    g.wait_for_task();
    signal.emit(cancellation_type::partial);
    g.open(2);
    context->run();
    BOOST_TEST(running.get() == 1);
    BOOST_CHECK_EXCEPTION(waiting.get(), boost::system::system_error, is_aborted);
    BOOST_TEST(g.arrived.empty());
}

BOOST_FIXTURE_TEST_CASE(a_task_that_has_begun_cannot_be_undone, with_pool) {
    outcome<int> result;
    mp::async_apply(*pool, pass_gate, g, 5, cancellable(result.store()));
    signal.emit(cancellation_type::total);
    g.open();
    context->run();
    BOOST_TEST(result.get() == 5);
}

BOOST_FIXTURE_TEST_CASE(cancellation_meets_completion_at_any_instant, with_pool) {
    net::thread_pool threads(2);
    struct operation {
        explicit operation(net::thread_pool& where) : strand(net::make_strand(where)) {}
        net::strand<net::thread_pool::executor_type> strand;
        net::cancellation_signal signal{}; // used in the strand
        outcome<int> result{};
    };
    std::list<operation> operations;
    for (int i = 0; i != 200; ++i) {
        auto& each = operations.emplace_back(threads);
        net::post(each.strand, [&, i] {
            mp::async_apply(*pool, square, i,
                            net::bind_cancellation_slot(
                                each.signal.slot(), net::bind_executor(each.strand, each.result.store())));
            net::post(each.strand, [&] { each.signal.emit(cancellation_type::partial); });
        });
    }
    threads.join();
    for (int i = 0; const auto& each : operations) {
        try {
            BOOST_TEST(each.result.get() == i * i);
        } catch (const boost::system::system_error& e) {
            BOOST_TEST(is_aborted(e));
        }
        ++i;
    }
    BOOST_TEST(pool->apply(square, 5) == 25);
}

BOOST_FIXTURE_TEST_CASE(a_pool_that_ends_completes_what_it_has, with_pool) {
    outcome<int> running;
    outcome<int> queued;
    mp::async_apply(*pool, pass_gate, g, 1, here(running.store()));
    mp::async_apply(*pool, {}, pass_gate, g, 1, here(queued.store()));
    pool.reset();
    context->run();
    BOOST_CHECK_THROW(running.get(), mp::pool_terminated);
    BOOST_CHECK_THROW(queued.get(), mp::pool_terminated);
}

BOOST_FIXTURE_TEST_CASE(a_context_that_ends_destroys_what_is_pending_and_what_is_posted, with_pool) {
    auto owned = std::make_shared<int>(1);
    int calls = 0;
    const auto count = [&calls, &owned] { return [&calls, owned](std::exception_ptr, int) { ++calls; }; };
    mp::queue<int> q(1);
    mp::async_apply(*pool, pass_gate, g, 1, cancellable(count()));
    g.wait_for_task();
    mp::async_apply(*pool, square, 5, here(count()));
    mp::async_get(q, here(count()));
    BOOST_TEST(pool->apply(square, 5) == 25);
    context.reset();
    BOOST_TEST(owned.use_count() == 1);
    BOOST_TEST(calls == 0);
    g.open();
    signal.emit(cancellation_type::terminal); // too late for it, but it does no harm
    pool->close();
    pool->join();
}

BOOST_FIXTURE_TEST_CASE(a_handler_may_own_the_pool, with_pool) {
    auto own = std::make_shared<mp::pool>(1);
    auto& used = *own;
    mp::async_apply(used, pass_gate, g, 1, here([own = std::move(own)](std::exception_ptr, int) {}));
    g.wait_for_task();
    context.reset();
}

BOOST_AUTO_TEST_CASE(values_are_got_when_they_come) {
    mp::queue<std::string> q(10);
    std::list<outcome<std::string>> results;
    for (int i = 0; i != 5; ++i) {
        mp::async_get(q, here(results.emplace_back().store()));
    }
    BOOST_TEST(context->poll() == 0u);
    mp::process writer(write_letters, q);
    writer.start();
    context->run();
    std::string all;
    for (const auto& each : results) {
        all += each.get();
    }
    std::ranges::sort(all);
    BOOST_TEST(all == "abcde");
}

BOOST_AUTO_TEST_CASE(values_are_put_when_there_is_room) {
    mp::joinable_queue<int> q(1);
    q.put(1);
    outcome<void> put;
    mp::async_put(q, 2, here(put.store()));
    BOOST_TEST(context->poll() == 0u);
    BOOST_TEST(q.get() == 1);
    context->run();
    BOOST_CHECK_NO_THROW(put.get());
    BOOST_TEST(q.get() == 2);
}

BOOST_AUTO_TEST_CASE(cancelled_waits_for_a_queue_take_and_put_nothing) {
    mp::queue<int> q(1);
    outcome<int> got;
    mp::async_get(q, cancellable(got.store()));
    signal.emit(cancellation_type::total);
    context->run();
    BOOST_CHECK_EXCEPTION(got.get(), boost::system::system_error, is_aborted);
    context->restart();
    q.put(1);
    outcome<void> put;
    mp::async_put(q, 2, cancellable(put.store()));
    signal.emit(cancellation_type::terminal);
    context->run();
    BOOST_CHECK_EXCEPTION(put.get(), boost::system::system_error, is_aborted);
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_closed_says_so) {
    mp::queue<int> q(1);
    outcome<int> waiting;
    outcome<int> late;
    mp::async_get(q, here(waiting.store()));
    q.close();
    mp::async_get(q, here(late.store()));
    context->run();
    BOOST_CHECK_THROW(waiting.get(), mp::queue_closed);
    BOOST_CHECK_THROW(late.get(), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(exit_codes_arrive_at_all_who_wait) {
    mp::process child(stay);
    child.start();
    outcome<int> first;
    outcome<int> second;
    mp::async_wait(child, here(first.store()));
    mp::async_wait(child, here(second.store()));
    BOOST_TEST(context->poll() == 0u);
    std::jthread joins([&] { child.join(); });
    child.kill();
    context->run();
    BOOST_TEST(first.get() == -SIGKILL);
    BOOST_TEST(second.get() == -SIGKILL);
    outcome<int> again;
    mp::async_wait(child, here(again.store()));
    context->restart();
    context->run();
    BOOST_TEST(again.get() == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_process_that_was_not_started_is_an_error) {
    mp::process child(stay);
    outcome<int> result;
    mp::async_wait(child, here(result.store()));
    BOOST_TEST(result.calls == 0);
    context->run();
    BOOST_CHECK_THROW(result.get(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(a_wait_for_a_process_can_be_cancelled_or_dropped_and_the_process_goes_on) {
    mp::process child(stay);
    child.start();
    outcome<int> cancelled;
    outcome<int> dropped;
    mp::async_wait(child, cancellable(cancelled.store()));
    mp::async_wait(child, here(dropped.store()));
    context->poll();
    signal.emit(cancellation_type::total);
    context->poll();
    BOOST_CHECK_EXCEPTION(cancelled.get(), boost::system::system_error, is_aborted);
    context.reset();
    BOOST_TEST(dropped.calls == 0);
    BOOST_TEST(child.is_alive());
}

BOOST_AUTO_TEST_SUITE_END()
