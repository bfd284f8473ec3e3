// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/actor.hpp>

#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/start_methods.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <mutex>
#include <numeric>
#include <stop_token>

using namespace fault;

namespace {

class counter {
public:
    counter() = default;
    explicit counter(long start) : value_(start) {}
    counter(const counter&) = delete;
    counter& operator=(const counter&) = delete;

    long add(long n) { return value_ += n; }
    [[nodiscard]] long value() const noexcept { return value_; }
    void set(long value) & { value_ = value; }
    long fail(const std::string& why) { throw std::out_of_range(why); }
    [[nodiscard]] const counter& itself() const& { return *this; }
    virtual long twice() { return 2 * value_; }
    virtual ~counter() = default;
    /// Adds for as long as it may.
    long add_until_stopped(std::stop_token stop, long step) {
        while (!stop.stop_requested()) {
            std::this_thread::sleep_for(1ms);
        }
        return value_ += step;
    }

private:
    long value_ = 0;
};

class triple_counter final : public counter {
public:
    using counter::counter;
    long twice() override { return 3 * value(); }
};

long add_twice(counter& c, long n) {
    return c.add(n) + c.add(n);
}
long pid_of(const counter&) {
    return ::getpid();
}
std::string name_of_process(const counter&) {
    return mp::current_process().name();
}

class journal {
public:
    journal(std::string path, std::vector<std::string> first)
        : path_(std::move(path)), lines_(std::move(first)) {}
    ~journal() { std::ofstream(path_) << lines_.size(); }
    journal(const journal&) = delete;
    journal& operator=(const journal&) = delete;
    std::size_t append(std::string line) {
        lines_.push_back(std::move(line));
        return lines_.size();
    }
    [[nodiscard]] std::vector<std::string> lines() const { return lines_; }

private:
    std::string path_;
    std::vector<std::string> lines_;
};

struct thrower {
    explicit thrower(int code) { throw std::system_error(code, std::generic_category(), "constructing"); }
    int nothing() { return 0; }
};

counter counter_from(const std::string& text) {
    return counter(std::stol(text));
}

struct holds_an_actor {
    mp::actor<counter> inner{100};
    long ask() { return inner.call(&counter::add, 1).get(); }
    [[nodiscard]] long pid() const { return inner.pid(); }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(actor, leaves_nothing)

BOOST_AUTO_TEST_CASE(keeps_its_object_between_calls) {
    mp::actor<counter> a;
    BOOST_TEST(a.call(&counter::add, 5).get() == 5);
    BOOST_TEST(a.call(&counter::add, 6L).get() == 11);
    a.call(&counter::set, 1).get();
    BOOST_TEST(a.call(&counter::value).get() == 1);
}

BOOST_AUTO_TEST_CASE(its_object_is_made_from_the_arguments_and_in_another_process) {
    const scratch_file file;
    mp::actor<journal> a(file.path(), std::vector<std::string>{"one"});
    BOOST_TEST(a.call(&journal::append, "two").get() == 2U);
    BOOST_TEST(a.call(&journal::lines).get() == (std::vector<std::string>{"one", "two"}),
               boost::test_tools::per_element());
    mp::actor<counter> b(7);
    BOOST_TEST(b.call(pid_of).get() == b.pid());
    BOOST_TEST(b.pid() != ::getpid());
    BOOST_TEST(b.is_alive());
}

BOOST_AUTO_TEST_CASE(calls_functions_and_lambdas_that_take_the_object_first) {
    mp::actor<counter> a(1);
    BOOST_TEST(a.call(add_twice, 10).get() == 11 + 21);
    BOOST_TEST(a.call([](counter& c, long n) { return c.add(n); }, 4).get() == 25);
    long captured = 5;
    BOOST_TEST(a.call([captured](counter& c) { return c.add(captured); }).get() == 30);
    BOOST_TEST(a.call([](auto& c, auto n) { return c.add(n); }, 1).get() == 31);
    a.call([](counter& c) { c.set(0); }).get();
    BOOST_TEST(a.call([](const counter& c) { return c.value(); }).get() == 0);
    static_assert(std::same_as<decltype(a.call(&counter::set, 1)), mp::future<void>>);
    static_assert(std::same_as<decltype(a.call(&counter::value)), mp::future<long>>);
}

BOOST_AUTO_TEST_CASE(virtual_functions_are_those_of_the_object) {
    mp::actor<triple_counter> a(4);
    BOOST_TEST(a.call(&counter::twice).get() == 12);
}

BOOST_AUTO_TEST_CASE(runs_the_calls_of_a_client_in_their_order) {
    mp::actor<std::vector<int>> a;
    std::vector<mp::future<void>> calls;
    for (int i = 0; i != 3000; ++i) { // more than may wait
        calls.push_back(a.call([](std::vector<int>& v, int n) { v.push_back(n); }, i));
    }
    std::vector<int> expected(3000);
    std::iota(expected.begin(), expected.end(), 0);
    BOOST_TEST(a.call([](const std::vector<int>& v) { return v; }).get() == expected,
               boost::test_tools::per_element());
    mp::wait_all(calls);
}

BOOST_AUTO_TEST_CASE(copies_of_a_handle_are_the_same_actor_for_many_threads) {
    mp::actor<counter> a;
    {
        std::vector<std::jthread> clients;
        for (int i = 0; i != 4; ++i) {
            clients.emplace_back([copy = a] {
                long before = 0;
                for (int n = 0; n != 200; ++n) {
                    const auto now = copy.call(&counter::add, 1).get();
                    if (now <= before) {
                        copy.call(&counter::set, -1'000'000).get();
                    }
                    before = now;
                }
            });
        }
    }
    BOOST_TEST(a.call(&counter::value).get() == 800);
}

BOOST_AUTO_TEST_CASE(an_exception_is_that_of_its_call_only) {
    mp::actor<counter> a(3);
    auto failing = a.call(&counter::fail, "no such thing");
    auto next = a.call(&counter::value);
    BOOST_CHECK_EXCEPTION(failing.get(), std::out_of_range,
                          [](const auto& e) { return std::string(e.what()) == "no such thing"; });
    BOOST_TEST(next.get() == 3);
}

BOOST_AUTO_TEST_CASE(what_the_constructor_throws_is_what_each_call_throws) {
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        mp::actor<thrower> a(mp::actor_options{.restart = policy}, 5);
        for (int i = 0; i != 2; ++i) {
            BOOST_CHECK_EXCEPTION(a.call(&thrower::nothing).get(), std::system_error,
                                  [](const auto& e) { return e.code().value() == 5; });
        }
        a.close();
        a.join();
    }
}

BOOST_AUTO_TEST_CASE(an_object_may_be_made_by_a_function) {
    auto a = mp::actor<counter>::made_by(counter_from, "42");
    BOOST_TEST(a.call(&counter::value).get() == 42);
    long start = 8;
    auto b = mp::actor<counter>::made_by(mp::actor_options{.name = "b"}, [start] { return counter(start); });
    BOOST_TEST(b.call(&counter::value).get() == 8);
    auto c = mp::actor<counter>::made_by([](auto n) { return counter(n); }, 9);
    BOOST_TEST(c.call(&counter::value).get() == 9);
    auto failing = mp::actor<counter>::made_by(counter_from, "not a number");
    BOOST_CHECK_THROW(failing.call(&counter::value).get(), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(its_process_has_the_name_that_it_is_given) {
    mp::actor<counter> a{{.name = "counter"}, 1};
    BOOST_TEST(a.call(name_of_process).get() == "counter");
}

BOOST_AUTO_TEST_CASE(close_finishes_the_calls_and_destroys_the_object) {
    const scratch_file file;
    mp::actor<journal> a(file.path(), std::vector<std::string>());
    std::vector<mp::future<std::size_t>> calls;
    for (int i = 0; i != 50; ++i) {
        calls.push_back(a.call(&journal::append, "line"));
    }
    a.close();
    BOOST_CHECK_THROW((void)a.call(&journal::lines), mp::pool_closed);
    a.join();
    BOOST_TEST(calls.back().get() == 50U);
    std::size_t written = 0;
    std::ifstream(file.path()) >> written;
    BOOST_TEST(written == 50U);
    BOOST_TEST(!a.is_alive());
    BOOST_TEST(a.pid() == 0);
}

BOOST_AUTO_TEST_CASE(the_last_handle_terminates_it) {
    mp::future<void> call;
    long pid = 0;
    {
        mp::actor<counter> a;
        const auto copy = a;
        call = a.call([](counter&) { stay(); });
        pid = copy.pid();
    }
    BOOST_TEST(!runs(pid));
    BOOST_CHECK_THROW(call.get(), mp::pool_terminated);
}

BOOST_AUTO_TEST_CASE(a_call_that_takes_a_stop_token_can_be_stopped_without_the_object) {
    mp::actor<counter> a(1);
    const auto pid = a.pid();
    auto call = a.call(&counter::add_until_stopped, 10);
    auto late = a.call({.timeout = 20ms, .stop_grace = 1min}, &counter::add_until_stopped, 100);
    BOOST_TEST(call.cancel());
    BOOST_CHECK_THROW(call.get(), mp::task_cancelled);
    BOOST_CHECK_THROW(late.get(), mp::task_timed_out);
    BOOST_TEST(a.call(&counter::value).get() >= 101);
    BOOST_TEST(a.pid() == pid);
}

BOOST_AUTO_TEST_CASE(an_actor_may_have_an_actor) {
    mp::actor<holds_an_actor> outer;
    BOOST_TEST(outer.call(&holds_an_actor::ask).get() == 101);
    const auto inner = outer.call(&holds_an_actor::pid).get();
    outer.close();
    outer.join();
    BOOST_TEST(eventually([&] { return !runs(inner); }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(actor_start_methods, leaves_nothing_but_the_server)

BOOST_DATA_TEST_CASE(an_actor_may_be_started_by, each_start_method, method) {
    mp::actor<counter> a(mp::actor_options{.start_method = method}, 1);
    BOOST_TEST(a.call(&counter::add, 5).get() == 6);
    mp::actor<holds_an_actor> outer(mp::actor_options{.start_method = method});
    BOOST_TEST(outer.call(&holds_an_actor::ask).get() == 101);
    outer.close();
    outer.join();
    BOOST_TEST(a.call(&counter::value).get() == 6);
}

BOOST_AUTO_TEST_SUITE_END()
