// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/function.hpp>

#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

// Callables go the whole way that leads to another process, and are run in this one.

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::string_literals;

namespace {

template <class F, class... Args>
auto run(const F& f, const Args&... args) {
    const auto call = detail::make_call(f, args...);
    detail::bytes returned;
    mp::decoder in(call.encoded);
    mp::encoder out(returned);
    detail::run_call(in, out);
    BOOST_TEST(in.remaining() == 0U);
    using result = detail::remote_result_t<F, Args...>;
    if constexpr (std::is_void_v<result>) {
        BOOST_TEST(returned.empty());
    } else {
        return mp::decode<result>(returned);
    }
}

int twice(int n) {
    return 2 * n;
}
int nothrow_twice(int n) noexcept {
    return 2 * n;
}
std::string join(const std::string& a, std::string b) {
    return a + b;
}
double half(double n) {
    return n / 2;
}
std::size_t length_of(std::vector<int> numbers) {
    return numbers.size();
}
std::string taken(std::string&& text) {
    return std::move(text);
}
std::string owned(std::unique_ptr<std::string> text) {
    return *text;
}
const std::string& reference_to_static() {
    static const std::string text = "static";
    return text;
}
int calls = 0;
void count_call() {
    ++calls;
}
int overloaded(int n) {
    return n;
}
std::string overloaded(const std::string& s) {
    return s;
}
template <class T>
T doubled(T value) {
    return value + value;
}
[[noreturn]] void fail() {
    throw std::out_of_range("far out");
}

struct adder {
    int n;
    int operator()(int m) const { return n + m; }
};
struct generic_adder {
    template <class A, class B>
    auto operator()(const A& a, const B& b) const {
        return a + b;
    }
};
struct with_state {
    int n = 0;
    int operator()() { return ++n; } // not const
};
struct with_default_argument {
    int operator()(int a, int b = 10) const { return a + b; }
};
struct greeter {
    std::string greeting;
    std::string operator()(const std::string& name) const { return greeting + ", " + name; }
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& greeting;
    }
};

struct account {
    std::string owner;
    int balance = 0;

    [[nodiscard]] int after(int deposit) const { return balance + deposit; }
    std::string renamed(const std::string& name) {
        owner = name;
        return owner;
    }
    [[nodiscard]] int nothrow_balance() const noexcept { return balance; }
};

struct shape {
    virtual ~shape() = default;
    [[nodiscard]] virtual double area() const { return 0; }
    [[nodiscard]] virtual std::string name() const { return "shape"; }
};
struct square final : shape {
    double side = 0;
    [[nodiscard]] double area() const override { return side * side; }
    [[nodiscard]] std::string name() const override { return "square"; }
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& side;
    }
};

/// Stands for a handle to something with a name.
std::weak_ptr<const void> watched;
struct keeping {
    void serialize(mp::encoder& archive, unsigned) {
        const auto object = std::make_shared<int>(1);
        watched = object;
        archive.keep_alive(object);
    }
    void serialize(mp::decoder&, unsigned) {}
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(function, leaves_nothing)

BOOST_AUTO_TEST_CASE(functions) {
    BOOST_TEST(run(twice, 21) == 42);
    BOOST_TEST(run(&twice, 21) == 42);
    BOOST_TEST(run(nothrow_twice, 21) == 42);
    BOOST_TEST(run(join, "a"s, "b"s) == "ab");
    BOOST_TEST(run(doubled<std::string>, "a"s) == "aa");
}

BOOST_AUTO_TEST_CASE(functions_of_other_modules) {
    BOOST_TEST(run(static_cast<int (*)(int)>(&std::abs), -5) == 5);
}

BOOST_AUTO_TEST_CASE(functions_that_return_nothing) {
    calls = 0;
    run(count_call);
    BOOST_TEST(calls == 1);
}

BOOST_AUTO_TEST_CASE(one_of_several_overloads) {
    BOOST_TEST(run(static_cast<int (*)(int)>(overloaded), 5) == 5);
    BOOST_TEST(run(static_cast<std::string (*)(const std::string&)>(overloaded), "a"s) == "a");
}

BOOST_AUTO_TEST_CASE(a_reference_returned_arrives_as_a_value) {
    static_assert(std::same_as<detail::remote_result_t<decltype(reference_to_static)>, std::string>);
    BOOST_TEST(run(reference_to_static) == "static");
}

BOOST_AUTO_TEST_CASE(parameters_may_be_rvalues) {
    BOOST_TEST(run(taken, "a"s) == "a");
    BOOST_TEST(run(owned, std::make_unique<std::string>("a")) == "a");
}

BOOST_AUTO_TEST_CASE(captureless_lambdas) {
    BOOST_TEST(run([] { return 1; }) == 1);
    BOOST_TEST(run([](const std::string& s) { return s.size(); }, "abc"s) == 3U);
    BOOST_TEST(run([](int n) noexcept { return n; }, 5) == 5);
}

BOOST_AUTO_TEST_CASE(generic_lambdas) {
    const auto add = [](const auto& a, const auto& b) { return a + b; };
    BOOST_TEST(run(add, 1, 2.5) == 3.5);
    BOOST_TEST(run(add, "a"s, "b"s) == "ab");
}

BOOST_AUTO_TEST_CASE(a_literal_becomes_a_string_where_parameters_are_generic) {
    BOOST_TEST(run([](auto text) { return text + "!"; }, "a") == "a!");
    BOOST_TEST(run(generic_adder{}, "a", "b") == "ab");
    char buffer[] = "c";
    BOOST_TEST(run(generic_adder{}, "a", buffer) == "ac");
}

BOOST_AUTO_TEST_CASE(closures_with_trivially_copyable_captures) {
    int n = 5;
    double factor = 1.5;
    BOOST_TEST(run([n, factor](int m) { return (n + m) * factor; }, 1) == 9.0);
    BOOST_TEST(run([a = std::array{1, 2, 3}] { return a[2]; }) == 3);
}

BOOST_AUTO_TEST_CASE(mutable_closures) {
    BOOST_TEST(run([n = 1]() mutable { return ++n; }) == 2);
}

BOOST_AUTO_TEST_CASE(function_objects) {
    BOOST_TEST(run(adder{2}, 3) == 5);
    BOOST_TEST(run(generic_adder{}, 1, 2) == 3);
    BOOST_TEST(run(with_state{4}) == 5);
    BOOST_TEST(run(std::plus<>{}, 1, 2) == 3);
    BOOST_TEST(run(std::plus<int>{}, 1, 2) == 3);
}

BOOST_AUTO_TEST_CASE(function_objects_with_default_arguments) {
    BOOST_TEST(run(with_default_argument{}, 1) == 11);
    BOOST_TEST(run(with_default_argument{}, 1, 2) == 3);
}

BOOST_AUTO_TEST_CASE(function_objects_that_can_be_encoded) {
    BOOST_TEST(run(greeter{"Hello"}, "world") == "Hello, world");
}

BOOST_AUTO_TEST_CASE(member_functions_with_their_object_as_first_argument) {
    const account mine{"me", 10};
    BOOST_TEST(run(&account::after, mine, 5) == 15);
    BOOST_TEST(run(&account::renamed, mine, "you") == "you");
    BOOST_TEST(run(&account::nothrow_balance, mine) == 10);
}

BOOST_AUTO_TEST_CASE(member_functions_through_a_smart_pointer) {
    BOOST_TEST(run(&account::after, std::make_shared<account>(account{"me", 10}), 5) == 15);
}

BOOST_AUTO_TEST_CASE(virtual_member_functions_are_those_of_the_object) {
    square tile;
    tile.side = 3;
    BOOST_TEST(run(&shape::area, tile) == 9.0);
    BOOST_TEST(run(&shape::name, tile) == "square");
    BOOST_TEST(run(&square::area, tile) == 9.0);
}

BOOST_AUTO_TEST_CASE(arguments_are_converted_to_the_parameters_types_by_the_caller) {
    BOOST_TEST(run(half, 5) == 2.5);
    BOOST_TEST(run(join, "a", "b") == "ab");
    BOOST_TEST(run([](long n) { return n; }, 'a') == 97);
    BOOST_TEST((run([](std::optional<int> n) { return n.value(); }, 5)) == 5);
    BOOST_TEST(run([](const std::filesystem::path& p) { return p.string(); }, "/tmp") == "/tmp");
    BOOST_TEST(run(length_of, std::vector<int>(3)) == 3U);
}

BOOST_AUTO_TEST_CASE(the_callable_is_not_touched_by_the_call) {
    with_state counter;
    BOOST_TEST(run(counter) == 1);
    BOOST_TEST(run(counter) == 1);
    BOOST_TEST(counter.n == 0);
}

BOOST_AUTO_TEST_CASE(what_the_function_throws_leaves_the_call) {
    const auto call = detail::make_call(fail);
    mp::decoder in(call.encoded);
    detail::bytes returned;
    mp::encoder out(returned);
    BOOST_CHECK_THROW(detail::run_call(in, out), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(truncated_calls_are_recognised) {
    const auto call = detail::make_call(join, "a", "b");
    for (std::size_t size = 0; size != call.encoded.size(); ++size) {
        mp::decoder in(std::span(call.encoded).first(size));
        detail::bytes returned;
        mp::encoder out(returned);
        BOOST_CHECK_THROW(detail::run_call(in, out), mp::decode_failed);
    }
}

BOOST_AUTO_TEST_CASE(what_an_argument_keeps_alive_is_kept_by_the_call) {
    {
        const auto call = detail::make_call([](const keeping&) {}, keeping());
        BOOST_TEST(call.kept.size() == 1U);
        BOOST_TEST(!watched.expired());
    }
    BOOST_TEST(watched.expired());
}

BOOST_AUTO_TEST_CASE(functions_have_their_names_in_messages) {
    BOOST_TEST(detail::make_call(twice, 1).function.text() == "(anonymous namespace)::twice");
    BOOST_TEST(detail::make_call(adder{1}, 1).function.text() == "(anonymous namespace)::adder");
}

BOOST_AUTO_TEST_SUITE_END()
