// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/queue.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <concepts>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <functional>
#include <iterator>
#include <list>
#include <map>
#include <memory>
#include <ranges>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

int twice(int n) {
    return 2 * n;
}
bool is_even(int n) {
    return n % 2 == 0;
}
std::size_t length(const std::string& text) {
    return text.size();
}
std::string repeated(const std::string& text, int times) {
    std::string result;
    for (int i = 0; i != times; ++i) {
        result += text;
    }
    return result;
}
void put(mp::queue<int> to, int n) {
    to.put(n);
}
int fail_at_5(int n) {
    if (n == 5) {
        throw std::out_of_range("five");
    }
    return n;
}
struct record {
    std::string name;
    std::vector<int> numbers;
    bool operator==(const record&) const = default;
};
record record_of(int n) {
    return {std::to_string(n), std::vector<int>(static_cast<std::size_t>(n), n)};
}

struct empty_result { // takes no bytes
    template <class Archive>
    void serialize(Archive&, unsigned) {}
};
empty_result give_an_empty_one(int) {
    return {};
}

struct with_pool : leaves_nothing {
    mp::pool pool{2};
};

using numbers = std::vector<int>;
const numbers ten{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
const numbers twice_ten{0, 2, 4, 6, 8, 10, 12, 14, 16, 18};

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_map, with_pool)

// map

BOOST_AUTO_TEST_CASE(results_are_in_the_order_of_the_elements) {
    BOOST_TEST(pool.map(twice, ten) == twice_ten, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(chunks_of_any_size_give_the_same) {
    for (std::size_t size = 0; size != 13; ++size) {
        BOOST_TEST(pool.map(twice, ten, size) == twice_ten, boost::test_tools::per_element());
    }
    BOOST_TEST(pool.map(twice, ten, SIZE_MAX) == twice_ten, boost::test_tools::per_element());
    BOOST_TEST(pool.map(twice, ten, mp::automatic) == twice_ten, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_empty_range_gives_nothing) {
    BOOST_TEST(pool.map(twice, numbers()).empty());
    BOOST_TEST(pool.map(twice, numbers(), 3).empty());
    auto f = pool.map_async(twice, numbers());
    BOOST_TEST(f.ready());
    BOOST_TEST(f.get().empty());
}

BOOST_AUTO_TEST_CASE(more_elements_than_the_task_queue_holds_are_fine) {
    numbers many(5000, 1);
    BOOST_TEST((pool.map(twice, many, 1) == numbers(5000, 2)));
}

BOOST_AUTO_TEST_CASE(takes_ranges_of_all_kinds) {
    const int array[] = {0, 1, 2};
    const numbers expected{0, 2, 4};
    BOOST_TEST((pool.map(twice, array) == expected));
    BOOST_TEST((pool.map(twice, std::array{0, 1, 2}) == expected));
    BOOST_TEST((pool.map(twice, std::list{0, 1, 2}) == expected));
    BOOST_TEST((pool.map(twice, std::forward_list{0, 1, 2}) == expected));
    BOOST_TEST((pool.map(twice, std::set{0, 1, 2}) == expected));
    BOOST_TEST((pool.map(twice, std::vector<short>{0, 1, 2}) == expected)); // converted
    BOOST_TEST((pool.map(twice, std::views::iota(0, 3)) == expected));
    BOOST_TEST((pool.map(twice, ten | std::views::take(3)) == expected));
    BOOST_TEST((pool.map(twice, ten | std::views::filter([](int n) { return n < 3; })) == expected));
    BOOST_TEST(
        (pool.map(twice, ten | std::views::reverse | std::views::drop(7) | std::views::reverse) == expected));
    BOOST_TEST((pool.map([](bool b) { return b ? 1 : 0; }, std::vector<bool>{true, false}) == numbers{1, 0}));
}

BOOST_AUTO_TEST_CASE(takes_ranges_that_can_be_read_once) {
    std::istringstream text("0 1 2");
    BOOST_TEST((pool.map(twice, std::views::istream<int>(text)) == numbers{0, 2, 4}));
}

BOOST_AUTO_TEST_CASE(takes_elements_of_all_kinds) {
    using sizes = std::vector<std::size_t>;
    BOOST_TEST((pool.map(length, std::vector<std::string>{"a", "", "ccc"}) == sizes{1, 0, 3}));
    BOOST_TEST((pool.map(length, std::vector<const char*>{"a", "", "ccc"}) == sizes{1, 0, 3}));
    BOOST_TEST((pool.map([](const auto& text) { return text + "!"; }, std::vector{"a", "b"}) ==
                std::vector<std::string>{"a!", "b!"}));
}

BOOST_AUTO_TEST_CASE(takes_elements_that_cannot_be_copied) {
    std::vector<std::unique_ptr<int>> pointers;
    pointers.push_back(std::make_unique<int>(5));
    pointers.push_back(std::make_unique<int>(6));
    BOOST_TEST((pool.map([](std::unique_ptr<int> p) { return *p; }, pointers) == numbers{5, 6}));
}

BOOST_AUTO_TEST_CASE(gives_results_of_all_kinds) {
    BOOST_TEST((pool.map(is_even, ten, 3) == std::vector<bool>{1, 0, 1, 0, 1, 0, 1, 0, 1, 0}));
    BOOST_TEST((pool.map(record_of, numbers{0, 1, 2}, 2) ==
                std::vector<record>{record_of(0), record_of(1), record_of(2)}));
    BOOST_TEST((pool.map([](int n) { return std::vector<int>(2, n); }, numbers{1, 2}, 1) ==
                std::vector<numbers>{{1, 1}, {2, 2}}));
    const auto pointers = pool.map([](int n) { return std::make_unique<int>(n); }, numbers{1, 2, 3}, 2);
    BOOST_TEST(*pointers.at(2) == 3);
}

BOOST_AUTO_TEST_CASE(results_that_take_no_bytes_arrive) {
    BOOST_TEST(pool.map(give_an_empty_one, ten).size() == ten.size());
}

BOOST_AUTO_TEST_CASE(a_function_that_returns_nothing_is_called_for_each_element) {
    mp::queue<int> q(10);
    static_assert(std::is_void_v<decltype(pool.map([](int) {}, ten))>);
    pool.starmap(put, std::vector<std::pair<mp::queue<int>, int>>(10, {q, 1}), 3);
    BOOST_TEST(q.size() == 10U);
    pool.map([](int) {}, ten);
    pool.map([](int) {}, numbers());
}

BOOST_AUTO_TEST_CASE(takes_closures_and_member_functions) {
    int factor = 3;
    BOOST_TEST((pool.map([factor](int n) { return factor * n; }, numbers{1, 2}) == numbers{3, 6}));
    BOOST_TEST((pool.map(&std::string::empty, std::vector{"a"s, ""s}) == std::vector<bool>{false, true}));
}

BOOST_AUTO_TEST_CASE(throws_the_error_of_a_task) {
    BOOST_CHECK_THROW((void)pool.map(fail_at_5, ten), std::out_of_range);
    BOOST_CHECK_THROW((void)pool.map(fail_at_5, ten, 10), std::out_of_range);
    BOOST_CHECK_THROW((void)pool.map(fail_at_5, ten, 1), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(an_error_does_not_stop_the_other_chunks) {
    mp::queue<int> q(10);
    const auto put_unless_5 = [](mp::queue<int> to, int n) { to.put(fail_at_5(n)); };
    std::vector<std::pair<mp::queue<int>, int>> arguments;
    for (const int n : ten) {
        arguments.emplace_back(q, n);
    }
    BOOST_CHECK_THROW(pool.starmap(put_unless_5, arguments, 1), std::out_of_range);
    BOOST_TEST(q.size() == 9U);
}

BOOST_AUTO_TEST_CASE(map_async_gives_a_future_of_all) {
    auto f = pool.map_async(twice, ten, 2);
    static_assert(std::same_as<decltype(f), mp::future<numbers>>);
    BOOST_TEST(f.get() == twice_ten, boost::test_tools::per_element());
    auto nothing = pool.map_async([](int) {}, ten);
    static_assert(std::same_as<decltype(nothing), mp::future<void>>);
    nothing.get();
}

BOOST_AUTO_TEST_CASE(map_async_does_not_need_its_range_any_longer) {
    mp::future<numbers> f;
    {
        const auto elements = ten;
        f = pool.map_async(twice, elements, 1);
    }
    BOOST_TEST(f.get() == twice_ten, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(map_async_gives_one_error) {
    auto f = pool.map_async(fail_at_5, ten, 1);
    f.wait();
    BOOST_TEST(!f.successful());
    BOOST_CHECK_THROW((void)f.get(), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(large_chunks_travel) {
    const std::vector<std::string> texts(100, std::string(100'000, 'x'));
    BOOST_TEST((pool.map(length, texts) == std::vector<std::size_t>(100, 100'000)));
    BOOST_TEST((pool.map([](const std::string& text) { return text; }, texts, 50) == texts));
}

BOOST_AUTO_TEST_CASE(ranges_can_be_lists_in_braces) {
    BOOST_TEST((pool.map(twice, {1, 2, 3}) == numbers{2, 4, 6}));
    BOOST_TEST((pool.map(length, {"a", "bc"}, 1) == std::vector<std::size_t>{1, 2}));
    BOOST_TEST((pool.map_async([](double x) { return x / 2; }, {1, 2}).get() == std::vector{0.5, 1.0}));
    BOOST_TEST((pool.starmap(repeated, {{"a", 2}, {"b", 1}}) == std::vector<std::string>{"aa", "b"}));
    BOOST_TEST(pool.map_reduce(twice, {1, 2, 3}, std::plus<int>(), 0) == 12);
    numbers results;
    for (const int n : pool.imap(twice, {1, 2, 3})) { // outlives the list
        results.push_back(n);
    }
    pool.map(twice, {4}, std::back_inserter(results));
    BOOST_TEST((results == numbers{2, 4, 6, 8}));
}

// starmap

BOOST_AUTO_TEST_CASE(starmap_spreads_tuples) {
    const std::vector<std::tuple<std::string, int>> tuples{{"a", 1}, {"b", 2}};
    BOOST_TEST((pool.starmap(repeated, tuples) == std::vector<std::string>{"a", "bb"}));
    BOOST_TEST((pool.starmap(repeated, tuples, 1) == std::vector<std::string>{"a", "bb"}));
}

BOOST_AUTO_TEST_CASE(starmap_spreads_whatever_is_like_a_tuple) {
    BOOST_TEST((pool.starmap(repeated, std::vector<std::pair<const char*, short>>{{"a", 2}}) ==
                std::vector<std::string>{"aa"}));
    BOOST_TEST((pool.starmap(repeated, std::map<std::string, int>{{"a", 1}, {"b", 2}}) ==
                std::vector<std::string>{"a", "bb"}));
    BOOST_TEST((pool.starmap([](int a, int b) { return a * b; }, std::vector<std::array<int, 2>>{{2, 3}}) ==
                numbers{6}));
    BOOST_TEST((pool.starmap(twice, std::vector<std::tuple<int>>{{4}}) == numbers{8}));
}

BOOST_AUTO_TEST_CASE(starmap_takes_generic_functions) {
    const auto add = [](const auto& a, const auto& b) { return a + b; };
    BOOST_TEST((pool.starmap(add, std::vector<std::tuple<std::string, const char*>>{{"a", "b"}}) ==
                std::vector<std::string>{"ab"}));
}

BOOST_AUTO_TEST_CASE(starmap_of_nothing_gives_nothing) {
    BOOST_TEST(pool.starmap(repeated, std::vector<std::tuple<std::string, int>>()).empty());
}

BOOST_AUTO_TEST_CASE(starmap_async_gives_a_future_of_all) {
    auto f = pool.starmap_async(repeated, std::vector<std::tuple<std::string, int>>{{"a", 1}, {"b", 2}});
    BOOST_TEST((f.get() == std::vector<std::string>{"a", "bb"}));
}

// map into an iterator

BOOST_AUTO_TEST_CASE(results_are_written_in_the_order_of_the_elements) {
    for (std::size_t size = 0; size != 13; ++size) {
        numbers got(11);
        const auto behind = pool.map(twice, ten, got.begin(), size);
        BOOST_TEST((behind == got.end() - 1));
        got.pop_back();
        BOOST_TEST(got == twice_ten, boost::test_tools::per_element());
    }
    numbers got;
    pool.map(twice, std::views::iota(0, 30'000), std::back_inserter(got));
    BOOST_TEST_REQUIRE(got.size() == 30'000U);
    for (int n = 0; n != 30'000; ++n) {
        BOOST_TEST(got[static_cast<std::size_t>(n)] == 2 * n);
    }
    pool.map(twice, numbers(), std::back_inserter(got), SIZE_MAX);
    BOOST_TEST(got.size() == 30'000U);
}

BOOST_AUTO_TEST_CASE(results_are_written_to_iterators_of_all_kinds) {
    std::ostringstream text;
    pool.map(twice, numbers{1, 2}, std::ostream_iterator<int>(text, " "));
    BOOST_TEST(text.str() == "2 4 ");
    int array[3] = {};
    BOOST_TEST((pool.map(twice, numbers{1, 2}, array) == array + 2));
    BOOST_TEST(array[1] == 4);
    std::vector<bool> bits;
    pool.map(is_even, ten, std::back_inserter(bits), 3);
    BOOST_TEST((bits == std::vector<bool>{1, 0, 1, 0, 1, 0, 1, 0, 1, 0}));
    std::set<std::string> lengths;
    pool.starmap(repeated, std::map<std::string, int>{{"a", 1}, {"b", 2}},
                 std::inserter(lengths, lengths.end()));
    BOOST_TEST((lengths == std::set<std::string>{"a", "bb"}));
    std::vector<std::unique_ptr<int>> pointers;
    pool.map([](int n) { return std::make_unique<int>(n); }, ten, std::back_inserter(pointers));
    BOOST_TEST(*pointers.at(9) == 9);
}

BOOST_AUTO_TEST_CASE(what_is_written_comes_from_ranges_of_all_kinds) {
    numbers got;
    std::istringstream text("0 1 2 3 4 5 6 7 8 9");
    pool.map(twice, std::views::istream<int>(text), std::back_inserter(got), 3);
    BOOST_TEST(got == twice_ten, boost::test_tools::per_element());
    got.clear();
    pool.map(twice, ten | std::views::filter(is_even), std::back_inserter(got), 2);
    BOOST_TEST((got == numbers{0, 4, 8, 12, 16}));
}

BOOST_AUTO_TEST_CASE(a_range_is_read_only_a_bounded_way_ahead_of_what_is_written) {
    int read = 0;
    int written = 0;
    int most_ahead = 0;
    auto input = std::views::iota(0, 10'000) | std::views::transform([&](int n) {
                     ++read;
                     return n;
                 });
    struct counting { // an iterator that counts
        using difference_type = std::ptrdiff_t;
        int* read;
        int* written;
        int* most_ahead;
        counting& operator*() { return *this; }
        counting& operator=(int) {
            *most_ahead = std::max(*most_ahead, *read - (*written)++);
            return *this;
        }
        counting& operator++() { return *this; }
        counting operator++(int) { return *this; }
    };
    pool.map(twice, input, counting{&read, &written, &most_ahead}, 5);
    BOOST_TEST(written == 10'000);
    BOOST_TEST(most_ahead <= 5 * 4 * 2); // four chunks for each worker
}

BOOST_AUTO_TEST_CASE(results_before_a_failure_are_written) {
    numbers got;
    BOOST_CHECK_THROW(pool.map(fail_at_5, ten, std::back_inserter(got), 2), std::out_of_range);
    BOOST_TEST(got == (numbers{0, 1, 2, 3}), boost::test_tools::per_element());
    BOOST_TEST(pool.apply(twice, 4) == 8);
}

// map_reduce

BOOST_AUTO_TEST_CASE(results_are_reduced_in_their_order) {
    const auto join = [](const std::string& a, const std::string& b) { return a + b; };
    const auto digit = [](int n) { return std::to_string(n); };
    for (std::size_t size = 0; size != 13; ++size) {
        BOOST_TEST(pool.map_reduce(digit, ten, join, "<", size) == "<0123456789");
    }
    BOOST_TEST(pool.map_reduce(digit, numbers(), join, "nothing") == "nothing");
}

BOOST_AUTO_TEST_CASE(reduces_in_the_type_of_the_results) {
    const auto half = [](int n) { return n / 2.0; };
    const auto sum = pool.map_reduce(half, std::vector{1, 2}, std::plus<>(), 0); // not an int for its 0
    static_assert(std::same_as<decltype(sum), const double>);
    BOOST_TEST(sum == 1.5);
    const auto wide = [](int n) { return static_cast<long>(n); };
    BOOST_TEST(pool.map_reduce(wide, std::views::iota(0, 100'000), std::plus<long>(), 0) == 4'999'950'000);
}

BOOST_AUTO_TEST_CASE(workers_reduce_their_chunks) {
    const auto process = [](int) { return std::set<long>{::getpid()}; };
    const auto both = [](std::set<long> a, std::set<long> b) {
        a.merge(b);
        a.insert(::getpid()); // where it is called
        return a;
    };
    auto in_one = pool.map_reduce(process, ten, both, std::set<long>(), 10);
    BOOST_TEST(in_one.erase(::getpid()) == 1U); // what was in the worker, and `init`
    BOOST_TEST(in_one.size() == 1U);
}

BOOST_AUTO_TEST_CASE(reduces_with_functions_of_all_kinds) {
    static constexpr auto larger = [](int a, int b) { return a > b ? a : b; };
    int (*const pointer)(int, int) = larger;
    const int limit = 15;
    BOOST_TEST(pool.map_reduce(twice, ten, pointer, 0) == 18);
    BOOST_TEST(pool.map_reduce(
                   twice, ten, [limit](int a, int b) { return std::min(limit, larger(a, b)); }, 0) == 15);
    std::istringstream text("1 2 3");
    BOOST_TEST(pool.map_reduce(twice, std::views::istream<int>(text), std::plus<>(), 100) == 112);
}

BOOST_AUTO_TEST_CASE(errors_of_both_functions_arrive) {
    BOOST_CHECK_THROW(pool.map_reduce(fail_at_5, ten, std::plus<>(), 0), std::out_of_range);
    const auto refuse = [](int, int) -> int { throw std::domain_error("no"); };
    BOOST_CHECK_THROW(pool.map_reduce(twice, ten, refuse, 0, 5), std::domain_error);
    const auto die = [](int a, int) {
        std::raise(SIGKILL);
        return a;
    };
    BOOST_CHECK_THROW(pool.map_reduce(twice, ten, die, 0, 10), mp::worker_died);
    BOOST_TEST(pool.map_reduce(twice, ten, std::plus<>(), 0) == 90);
}

BOOST_AUTO_TEST_SUITE_END()
