// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing.hpp>

#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/serialization/access.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

// Every kind of value and of callable goes to a worker and comes back.

namespace mp = multiprocessing;
using namespace std::string_literals;

namespace {

struct point {
    int x = 0;
    double y = 0;
    bool operator==(const point&) const = default;
};
struct person {
    std::string name;
    std::vector<point> places;
    std::optional<std::string> title;
    bool operator==(const person&) const = default;
};
class account {
public:
    account() = default;
    explicit account(std::string owner) : owner_(std::move(owner)) {}
    [[nodiscard]] std::string owner() const { return owner_; }
    bool operator==(const account&) const = default;

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& owner_;
    }
    std::string owner_;
};

struct multiplier {
    int factor;
    int operator()(int n) const { return factor * n; }
};
struct greeter {
    std::string greeting;
    std::string operator()(const std::string& name) const { return greeting + ", " + name; }
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& greeting;
    }
};

template <class T>
T same(const T& value) {
    return value;
}

/// One worker for all values, since starting one takes longer than all the rest.
struct there_and_back : leaves_nothing {
    mp::pool pool{1};

    template <class T>
    bool survives(const T& value) {
        return pool.apply(&same<T>, value) == value;
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(values, there_and_back)

BOOST_AUTO_TEST_CASE(plain_values) {
    BOOST_TEST(survives(42));
    BOOST_TEST(survives(-2.5));
    BOOST_TEST(survives(true));
    BOOST_TEST(survives(point{1, 2.5}));
    BOOST_TEST(survives(std::array{1, 2, 3}));
    BOOST_TEST((survives(std::chrono::nanoseconds(5))));
    BOOST_TEST((survives(std::chrono::system_clock::now())));
}

BOOST_AUTO_TEST_CASE(strings_and_containers) {
    BOOST_TEST(survives(""s));
    BOOST_TEST(survives("text\0with zero"s));
    BOOST_TEST((survives(std::vector<int>{1, 2, 3})));
    BOOST_TEST((survives(std::vector<bool>{true, false})));
    BOOST_TEST((survives(std::vector<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::list<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::deque<int>{1, 2})));
    BOOST_TEST((survives(std::forward_list<int>{1, 2})));
    BOOST_TEST((survives(std::set<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::map<std::string, std::vector<int>>{{"a", {1}}})));
    BOOST_TEST((survives(std::unordered_map<int, std::string>{{1, "a"}})));
}

BOOST_AUTO_TEST_CASE(composed_values) {
    BOOST_TEST((survives(std::pair<int, std::string>{1, "a"})));
    BOOST_TEST((survives(std::tuple<int, std::string, double>{1, "a", 2.5})));
    BOOST_TEST((survives(std::optional<std::string>{"a"})));
    BOOST_TEST((survives(std::variant<int, std::string>{"a"})));
    BOOST_TEST((survives(std::filesystem::path("/tmp/a"))));
}

BOOST_AUTO_TEST_CASE(smart_pointers) {
    const auto twice = [](std::unique_ptr<int> n) { return std::make_shared<int>(2 * *n); };
    BOOST_TEST(*pool.apply(twice, std::make_unique<int>(21)) == 42);
}

BOOST_AUTO_TEST_CASE(aggregates_with_nothing_to_write) {
    BOOST_TEST((survives(person{"Ada", {{1, 2}, {3, 4}}, "Countess"})));
    BOOST_TEST((survives(std::vector<person>{{"Ada", {}, {}}})));
}

BOOST_AUTO_TEST_CASE(classes_with_a_serialize) {
    BOOST_TEST(survives(account("me")));
}

BOOST_AUTO_TEST_CASE(functions_and_lambdas) {
    BOOST_TEST(pool.apply(same<int>, 5) == 5);
    BOOST_TEST(pool.apply([] { return 5; }) == 5);
    BOOST_TEST(pool.apply([](const auto& a, const auto& b) { return a + b; }, "a", "b") == "ab");
    int n = 2;
    BOOST_TEST(pool.apply([n](int m) { return n * m; }, 3) == 6);
}

BOOST_AUTO_TEST_CASE(function_objects) {
    BOOST_TEST(pool.apply(multiplier{2}, 3) == 6);
    BOOST_TEST(pool.apply(std::plus<>{}, 1, 2) == 3);
    BOOST_TEST(pool.apply(greeter{"Hello"}, "world") == "Hello, world");
}

BOOST_AUTO_TEST_CASE(member_functions) {
    BOOST_TEST(pool.apply(&account::owner, account("me")) == "me");
}

BOOST_AUTO_TEST_SUITE_END()
