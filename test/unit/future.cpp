// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/future.hpp>

#include <multiprocessing/error.hpp>

#include "support/leaves_nothing.hpp"
#include "support/outcomes.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::chrono_literals;

namespace {

/// A future, and the side that completes it.
template <class R>
struct promise {
    explicit promise(std::size_t parts = 1) : state(std::make_shared<detail::completion>(parts)) {}
    [[nodiscard]] mp::future<R> future() const { return mp::future<R>(state); }
    template <class T>
    void value(const T& v, std::size_t part = 0) const {
        deliver(*state, part, outcome_of([](const T& same) { return same; }, v));
    }
    void nothing() const {
        deliver(*state, 0, outcome_of([] {}));
    }
    void error() const {
        deliver(*state, 0, outcome_of([] { throw std::out_of_range("far out"); }));
    }
    std::shared_ptr<detail::completion> state;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(future, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_default_constructed_one_is_not_valid) {
    mp::future<int> f;
    BOOST_TEST(!f.valid());
    BOOST_CHECK_THROW(f.get(), std::logic_error);
    BOOST_CHECK_THROW(f.wait(), std::logic_error);
    BOOST_CHECK_THROW((void)f.wait_for(1ms), std::logic_error);
    BOOST_CHECK_THROW((void)f.ready(), std::logic_error);
    BOOST_CHECK_THROW((void)f.successful(), std::logic_error);
    BOOST_CHECK_THROW((void)f.try_get(), std::logic_error);
    BOOST_CHECK_THROW(f.then([](mp::future<int>) {}), std::logic_error);
}

BOOST_AUTO_TEST_CASE(is_moved_not_copied) {
    BOOST_TEST(!std::is_copy_constructible_v<mp::future<int>>);
    BOOST_TEST(!std::is_copy_assignable_v<mp::future<int>>);
    promise<int> p;
    auto first = p.future();
    const auto second = std::move(first);
    BOOST_TEST(!first.valid());
    BOOST_TEST(second.valid());
}

BOOST_AUTO_TEST_CASE(gives_its_value_once) {
    promise<std::string> p;
    auto f = p.future();
    p.value(std::string("a"));
    BOOST_TEST(f.get() == "a");
    BOOST_TEST(!f.valid());
    BOOST_CHECK_THROW(f.get(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(throws_its_error_once) {
    promise<int> p;
    auto f = p.future();
    p.error();
    BOOST_CHECK_THROW(f.get(), std::out_of_range);
    BOOST_CHECK_THROW(f.get(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(of_nothing_gives_nothing_or_an_error) {
    promise<void> good;
    auto f = good.future();
    good.nothing();
    f.get();
    BOOST_TEST(!f.valid());
    promise<void> bad;
    auto g = bad.future();
    bad.error();
    BOOST_CHECK_THROW(g.get(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(knows_whether_it_is_ready) {
    promise<int> p;
    const auto f = p.future();
    BOOST_TEST(!f.ready());
    BOOST_TEST(!f.wait_for(0ms));
    BOOST_TEST(!f.wait_until(std::chrono::system_clock::now()));
    p.value(5);
    BOOST_TEST(f.ready());
    BOOST_TEST(f.wait_for(0ms));
    BOOST_TEST(f.wait_until(std::chrono::steady_clock::now()));
    f.wait();
}

BOOST_AUTO_TEST_CASE(knows_whether_it_was_successful) {
    promise<int> good;
    const auto f = good.future();
    BOOST_CHECK_THROW((void)f.successful(), std::logic_error); // too early, as in Python
    good.value(5);
    BOOST_TEST(f.successful());
    promise<int> bad;
    const auto g = bad.future();
    bad.error();
    BOOST_TEST(!g.successful());
}

BOOST_AUTO_TEST_CASE(try_get_gives_a_value_or_an_error) {
    promise<int> good;
    auto f = good.future();
    good.value(5);
    BOOST_TEST(f.try_get().value() == 5);
    promise<int> bad;
    auto g = bad.future();
    bad.error();
    const auto result = g.try_get();
    BOOST_TEST(result.has_error());
    BOOST_CHECK_THROW(std::rethrow_exception(result.error()), std::out_of_range);
    BOOST_TEST(!g.valid());
}

BOOST_AUTO_TEST_CASE(try_get_of_nothing_gives_nothing_or_an_error) {
    promise<void> good;
    auto f = good.future();
    good.nothing();
    BOOST_TEST(f.try_get().has_value());
    promise<void> bad;
    auto g = bad.future();
    bad.error();
    BOOST_TEST(g.try_get().has_error());
}

BOOST_AUTO_TEST_CASE(a_value_of_the_wrong_size_is_a_decode_failure) {
    promise<std::string> p;
    auto f = p.future();
    p.value(char('a'));
    BOOST_CHECK_THROW(f.get(), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(parts_are_put_together_in_their_order) {
    promise<std::vector<std::string>> p(3);
    auto f = p.future();
    p.value(std::vector<std::string>{"d"}, 2);
    p.value(std::vector<std::string>{"a", "b"}, 0);
    p.value(std::vector<std::string>{"c"}, 1);
    BOOST_TEST(f.get() == (std::vector<std::string>{"a", "b", "c", "d"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(no_parts_are_an_empty_range) {
    promise<std::vector<int>> p(0);
    BOOST_TEST(p.future().get().empty());
}

BOOST_AUTO_TEST_CASE(parts_of_bools_are_put_together) {
    promise<std::vector<bool>> p(2);
    auto f = p.future();
    p.value(std::vector<bool>{true, false}, 0);
    p.value(std::vector<bool>{true}, 1);
    BOOST_TEST((f.get() == std::vector<bool>{true, false, true}));
}

BOOST_AUTO_TEST_CASE(then_hands_over_the_completed_future) {
    promise<int> p;
    auto f = p.future();
    int got = 0;
    f.then([&](mp::future<int> done) { got = done.get(); });
    BOOST_TEST(!f.valid());
    BOOST_TEST(got == 0);
    p.value(5);
    BOOST_TEST(got == 5);
}

BOOST_AUTO_TEST_CASE(then_runs_at_once_when_ready) {
    promise<int> p;
    p.error();
    bool failed = false;
    p.future().then([&](mp::future<int> done) { failed = done.try_get().has_error(); });
    BOOST_TEST(failed);
}

BOOST_AUTO_TEST_CASE(then_takes_a_move_only_callback) {
    promise<int> p;
    p.value(5);
    int got = 0;
    p.future().then([&, box = std::make_unique<int>(1)](mp::future<int> done) { got = done.get() + *box; });
    BOOST_TEST(got == 6);
}

BOOST_AUTO_TEST_CASE(then_keeps_nothing_alive_afterwards) {
    promise<int> p;
    const auto watched = std::make_shared<int>(1);
    p.future().then([watched](mp::future<int>) {});
    p.value(5);
    BOOST_TEST(watched.use_count() == 1);
    BOOST_TEST(p.state.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(wait_all_waits_for_a_range) {
    promise<int> a;
    promise<int> b;
    std::vector<mp::future<int>> all;
    all.push_back(a.future());
    all.push_back(b.future());
    std::thread other([&] {
        b.error();
        a.value(1);
    });
    mp::wait_all(all); // errors stay inside
    BOOST_TEST(all[0].ready());
    BOOST_TEST(all[1].ready());
    other.join();
}

BOOST_AUTO_TEST_CASE(wait_all_waits_for_futures_of_different_types) {
    promise<int> a;
    promise<void> b;
    a.value(1);
    b.nothing();
    mp::wait_all(a.future(), b.future());
}

BOOST_AUTO_TEST_CASE(wait_all_of_none_returns) {
    mp::wait_all(std::vector<mp::future<int>>());
}

BOOST_AUTO_TEST_CASE(wait_any_gives_the_index_of_one_that_is_ready) {
    promise<int> a;
    promise<int> b;
    std::vector<mp::future<int>> all;
    all.push_back(a.future());
    all.push_back(b.future());
    std::thread other([&] { b.error(); });
    BOOST_TEST(mp::wait_any(all) == 1U);
    other.join();
    BOOST_TEST(!all[0].ready());
}

BOOST_AUTO_TEST_CASE(wait_any_refuses_what_it_would_wait_for_for_ever) {
    BOOST_CHECK_THROW(mp::wait_any(std::vector<mp::future<int>>()), std::invalid_argument);
    std::vector<mp::future<int>> invalid(1);
    BOOST_CHECK_THROW(mp::wait_any(invalid), std::logic_error);
}

BOOST_AUTO_TEST_CASE(waits_for_several_end_with_their_time) {
    promise<int> a;
    promise<int> b;
    std::vector<mp::future<int>> all;
    all.push_back(a.future());
    all.push_back(b.future());
    BOOST_TEST(!mp::wait_any_for(all, 1ms).has_value());
    BOOST_TEST(!mp::wait_any_until(all, std::chrono::system_clock::now()).has_value());
    b.value(1);
    BOOST_TEST(mp::wait_any_for(all, 0s).value() == 1U);
    BOOST_TEST(mp::wait_any_until(all, std::chrono::system_clock::now() + 1h).value() == 1U);
    BOOST_TEST(!mp::wait_all_for(all, 1ms));
    BOOST_TEST(!mp::wait_all_until(all, std::chrono::steady_clock::now()));
    a.error();
    BOOST_TEST(mp::wait_all_for(all, 0s));
    BOOST_TEST(mp::wait_all_until(all, std::chrono::system_clock::now()));
}

BOOST_AUTO_TEST_SUITE_END()
