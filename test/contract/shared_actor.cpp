// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// An actor whose handle has travelled: called from several processes.
#include <multiprocessing/actor.hpp>

#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/start_methods.hpp"

#include <boost/test/unit_test.hpp>
#include <iostream>
#include <optional>
#include <stop_token>
#include <system_error>
#include <utility>

using namespace fault;

namespace {

class ledger {
public:
    explicit ledger(int clients) : sequence_(static_cast<std::size_t>(clients), -1) {}

    long add(long n) { return total_ += n; }
    /// Throws if the entries of a client do not come in order.
    void enter(std::size_t client, int number) {
        if (std::exchange(sequence_.at(client), number) >= number) {
            throw std::logic_error("not in order");
        }
        ++total_;
    }
    long fail(const std::string& why) { throw std::system_error(ENOENT, std::generic_category(), why); }
    std::vector<char> twice(std::vector<char> data) {
        data.insert(data.end(), data.begin(), data.end());
        return data;
    }
    long wait_for(const std::string& file) {
        wait_for_file(file);
        return ++total_;
    }
    long wait_until_stopped(std::stop_token stop) {
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(1ms);
        }
        return total_;
    }
    long print(const std::string& text) {
        std::cout << text;
        return 0;
    }

private:
    long total_ = 0;
    std::vector<int> sequence_;
};

using handle = mp::actor<ledger>;

void enter_many(handle to, std::size_t client, int number) {
    std::vector<mp::future<void>> calls;
    for (int i = 0; i != number; ++i) {
        calls.push_back(to.call(&ledger::enter, client, i));
    }
    for (auto& call : calls) {
        call.get();
    }
}
long add_one(const handle& to) {
    return to.call(&ledger::add, 1).get();
}
long add_from_threads(const handle& to, int number) {
    std::vector<std::jthread> threads;
    for (int i = 0; i != number; ++i) {
        threads.emplace_back([to] {
            for (int n = 0; n != 50; ++n) {
                to.call(&ledger::add, 1).get();
            }
        });
    }
    threads.clear();
    return to.call(&ledger::add, 0).get();
}
long fail_there(const handle& to) {
    return to.call(&ledger::fail, "no such entry").get();
}
bool doubles_large_values(const handle& to) {
    for (const auto size : {100U, 10'000U, 150'000U, 250'000U, 3'000'000U}) {
        if (to.call(&ledger::twice, std::vector<char>(size, 'x')).get() != std::vector<char>(2 * size, 'x')) {
            return false;
        }
    }
    return true;
}
/// The value is that of a call whose handle is gone already.
long call_and_forget(mp::queue<handle> from) {
    mp::future<long> call = from.get().call(&ledger::add, 1);
    return call.get();
}
handle hand_back(handle given) {
    return given;
}
long pass_on(const handle& to, int further) {
    if (further == 0) {
        return add_one(to);
    }
    mp::pool next(1);
    return next.apply(pass_on, to, further - 1);
}
struct order {
    std::string item;
    std::vector<handle> at;
};
long add_to_each(const order& all) {
    long sum = 0;
    for (const auto& each : all.at) {
        sum += each.call(&ledger::add, static_cast<long>(all.item.size())).get();
    }
    return sum;
}
struct clerk {
    explicit clerk(handle book) : book_(std::move(book)) {}
    long work() { return add_one(book_); }
    handle book_;
};

template <class E, class R>
bool throws(mp::future<R> call) {
    try {
        call.get();
    } catch (const E&) {
        return true;
    }
    return false;
}

bool options_hold(const handle& to) {
    auto late = to.call({.timeout = 20ms}, &ledger::wait_until_stopped);
    if (!throws<mp::task_timed_out>(std::move(late))) {
        return false;
    }
    auto stopped = to.call({.stop_grace = 1min}, &ledger::wait_until_stopped);
    if (!stopped.cancel() || !throws<mp::task_cancelled>(std::move(stopped))) {
        return false;
    }
    auto loud = to.call({.capture = true}, &ledger::print, "how loud");
    loud.wait();
    return loud.output() == "how loud";
}
bool predicates_stay_at_home(const handle& to) {
    try {
        to.call({.retry_if = [](const std::exception_ptr&) { return true; }}, &ledger::add, 1);
    } catch (const mp::not_encodable&) {
        return add_one(to) == 1;
    }
    return false;
}

/// Whether a guest can end it, and sees that.
bool ends(const handle& it, void (handle::*end)() const) {
    try {
        it.join();
        return false;
    } catch (const std::logic_error&) { // it is not closed yet
    }
    const auto pid = it.pid();
    auto last = it.call(&ledger::add, 1);
    (it.*end)();
    it.join();
    return last.ready() && !runs(pid) && it.pid() == 0 && !it.is_alive() &&
           throws<mp::pool_closed>(it.call(&ledger::add, 1));
}
bool closes(const handle& it) {
    return ends(it, &handle::close);
}
bool terminates(const handle& it) {
    return ends(it, &handle::terminate);
}

/// Whether it is as told when the actor ends before its calls.
bool outlives(const handle& it, mp::event has_called, const mp::event& is_gone) {
    auto running = it.call(&ledger::wait_for, scratch_file().path());
    auto waiting = it.call(&ledger::add, 1);
    const bool have_come = it.is_alive(); // what asks comes behind them
    has_called.set();
    is_gone.wait();
    return have_come && throws<mp::pool_terminated>(std::move(running)) &&
           throws<mp::pool_terminated>(std::move(waiting)) &&
           throws<mp::actor_lost>(it.call(&ledger::add, 1)) && !it.is_alive();
}

bool is_lost(const handle& it) {
    it.close(); // does nothing
    it.join();
    return throws<mp::actor_lost>(it.call(&ledger::add, 1)) && it.pid() == 0;
}

template <class F, class... Args>
mp::process started(const F& f, const Args&... args) {
    mp::process p{f, args...};
    p.start();
    return p;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_actor, leaves_nothing_but_the_server)

BOOST_DATA_TEST_CASE(is_called_from_several_processes, each_start_method, method) {
    const by_default chosen(method);
    handle a(3);
    std::vector<mp::process> clients;
    for (std::size_t i = 0; i != 2; ++i) {
        clients.push_back(started(enter_many, a, i, 2000)); // more than may be under way
    }
    enter_many(a, 2, 2000);
    for (auto& each : clients) {
        each.join();
        BOOST_TEST(each.exit_code().value() == 0);
    }
    BOOST_TEST(a.call(&ledger::add, 0).get() == 6000);
}

BOOST_AUTO_TEST_CASE(is_called_from_many_threads_of_a_task) {
    handle a(0);
    mp::pool workers(2);
    auto one = workers.apply_async(add_from_threads, a, 4);
    auto other = workers.apply_async(add_from_threads, a, 4);
    mp::wait_all(one, other);
    BOOST_TEST(std::max(one.get(), other.get()) == 400);
}

BOOST_AUTO_TEST_CASE(an_exception_of_a_call_is_itself) {
    handle a(0);
    BOOST_CHECK_EXCEPTION(mp::pool(1).apply(fail_there, a), std::system_error, [](const auto& e) {
        return e.code() == std::errc::no_such_file_or_directory && contains(e.what(), "no such entry");
    });
    BOOST_TEST(add_one(a) == 1);
}

BOOST_AUTO_TEST_CASE(arguments_and_results_may_be_large) {
    handle a(0);
    BOOST_TEST(mp::pool(1).apply(doubles_large_values, a));
}

BOOST_AUTO_TEST_CASE(a_handle_travels_every_way) {
    handle a(0);
    mp::pool workers(1);
    mp::queue<handle> q;
    q.put(a);
    BOOST_TEST(workers.apply(call_and_forget, q) == 1);
    auto [here, there] = mp::pipe<handle>();
    here.send(a);
    BOOST_TEST(workers.apply([](mp::connection<handle> from) { return add_one(from.recv()); }, there) == 2);
    BOOST_TEST(workers.apply(pass_on, a, 2) == 3); // through three processes
    mp::actor<clerk> employed(a);                  // of another actor's object
    BOOST_TEST(employed.call(&clerk::work).get() == 4);
    BOOST_TEST(workers.apply(add_to_each, order{"pear", {a, a}}) == 8 + 12);
}

BOOST_AUTO_TEST_CASE(a_handle_that_comes_back_is_one_of_this_process) {
    std::optional<handle> back;
    {
        handle a(0);
        back = mp::pool(1).apply(hand_back, a);
    }
    BOOST_TEST(add_one(*back) == 1); // so it was not the last one that has gone
    const auto pid = back->pid();
    back.reset();
    BOOST_TEST(!runs(pid));
}

BOOST_AUTO_TEST_CASE(calls_can_be_timed_cancelled_and_captured) {
    handle a(0);
    mp::pool guest(1);
    BOOST_TEST(guest.apply(options_hold, a));
    BOOST_TEST(guest.apply(predicates_stay_at_home, a));
}

BOOST_AUTO_TEST_CASE(a_guest_can_close_and_terminate_it) {
    mp::pool guest(1);
    for (const auto end : {closes, terminates}) {
        handle a(0);
        BOOST_TEST(guest.apply(end, a));
        BOOST_CHECK_THROW((void)a.call(&ledger::add, 1), mp::pool_closed);
        a.join();
    }
}

BOOST_AUTO_TEST_CASE(it_ends_with_the_last_handle_of_its_makers_process) {
    mp::pool guests(2);
    mp::event has_called;
    mp::event is_gone;
    mp::future<bool> guest;
    mp::queue<handle> on_the_way;
    {
        handle a(0);
        on_the_way.put(a);
        guest = guests.apply_async(outlives, a, has_called, is_gone);
        has_called.wait();
    }
    is_gone.set();
    BOOST_TEST(guest.get());
    BOOST_TEST(guests.apply([](mp::queue<handle> from) { return is_lost(from.get()); }, on_the_way));
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_handle_are_refused) {
    BOOST_CHECK_THROW((void)mp::decode<handle>(mp::encode(std::string("multiprocessing"))),
                      mp::decode_failed);
    BOOST_TEST(is_lost(mp::decode<handle>(mp::encode(std::string("@nobody-has-this-name")))));
}

#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__) // see tested_start_methods
BOOST_AUTO_TEST_CASE(a_handle_in_a_copy_of_its_process_serves_there_if_it_has_travelled_before) {
    handle a(0);
    handle unknown(0);
    (void)mp::encode(a);
    const auto use_both = [&] {
        if (add_one(a) != 1) {
            std::exit(2);
        }
        try {
            add_one(unknown);
            std::exit(3);
        } catch (const std::logic_error&) {
        }
    };
    mp::process copy{mp::forked, use_both};
    copy.start();
    copy.join();
    BOOST_TEST(copy.exit_code().value() == 0);
    BOOST_TEST(add_one(a) == 2);
    BOOST_TEST(add_one(unknown) == 1);
}
#endif

BOOST_AUTO_TEST_SUITE_END()
