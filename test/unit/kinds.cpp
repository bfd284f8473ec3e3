// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/kinds.hpp>

#include <multiprocessing/function.hpp>
#include <multiprocessing/serialize.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

// What a type is taken for, and above all what is refused. All of it is decided by the compiler.

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;

namespace {

struct plain {
    int a;
    double b;
};
struct owning {
    std::string text;
};
struct with_member {
    template <class Archive>
    void serialize(Archive&, unsigned) {}
};
struct with_free {};
template <class Archive>
void serialize(Archive&, with_free&, unsigned) {}
/// A range with a say in how it travels.
struct serializable_range : std::vector<int> {
    template <class Archive>
    void serialize(Archive&, unsigned) {}
};

[[maybe_unused]] const auto captureless = [] {};
[[maybe_unused]] const auto by_value = [n = 5] { return n; };
const auto owner = [s = std::string()] { return s.size(); };

/// Whether an argument of type From can stand for a parameter of type To.
template <class F, class... Args>
using parameter_types = typename detail::traveling_types<F, Args...>::type;

template <class... T>
using types = detail::type_list<T...>;

} // namespace

BOOST_FIXTURE_TEST_SUITE(kinds, leaves_nothing)

BOOST_AUTO_TEST_CASE(what_refers_to_memory_of_one_process_is_refused) {
    static_assert(detail::refers_to_memory<int*>);
    static_assert(detail::refers_to_memory<const char*>);
    static_assert(detail::refers_to_memory<void*>);
    static_assert(detail::refers_to_memory<void (*)()>);
    static_assert(detail::refers_to_memory<int plain::*>);
    static_assert(detail::refers_to_memory<std::nullptr_t>);
    static_assert(detail::refers_to_memory<std::string_view>);
    static_assert(detail::refers_to_memory<std::span<int>>);
    static_assert(detail::refers_to_memory<std::span<const int, 3>>);
    static_assert(detail::refers_to_memory<std::reference_wrapper<int>>);
    static_assert(detail::refers_to_memory<std::ranges::iota_view<int, int>>);
    static_assert(detail::refers_to_memory<std::ranges::ref_view<std::vector<int>>>);
    static_assert(!detail::plain_bytes<int*>);
    static_assert(!detail::plain_bytes<std::string_view>);
    static_assert(!detail::plain_bytes<std::span<int>>);
    static_assert(!detail::plain_bytes<std::reference_wrapper<int>>);
}

BOOST_AUTO_TEST_CASE(values_do_not_refer_to_memory) {
    static_assert(!detail::refers_to_memory<int>);
    static_assert(!detail::refers_to_memory<std::string>);
    static_assert(!detail::refers_to_memory<std::vector<int>>);
    static_assert(!detail::refers_to_memory<std::filesystem::path>);
    static_assert(!detail::refers_to_memory<std::optional<int>>);
    static_assert(!detail::refers_to_memory<plain>);
}

BOOST_AUTO_TEST_CASE(trivially_copyable_values_are_plain_bytes) {
    static_assert(detail::plain_bytes<int>);
    static_assert(detail::plain_bytes<plain>);
    static_assert(detail::plain_bytes<std::array<int, 3>>);
    static_assert(detail::plain_bytes<std::chrono::milliseconds>);
    static_assert(detail::plain_bytes<std::decay_t<decltype(captureless)>>);
    static_assert(detail::plain_bytes<std::decay_t<decltype(by_value)>>);
    static_assert(!detail::plain_bytes<std::string>);
    static_assert(!detail::plain_bytes<owning>);
    static_assert(!detail::plain_bytes<int[3]>);
    static_assert(!detail::plain_bytes<with_member>);
    static_assert(!detail::plain_bytes<with_free>);
}

BOOST_AUTO_TEST_CASE(an_array_is_plain_bytes_only_if_its_elements_are_and_any_byte_will_do) {
    static_assert(detail::plain_bytes<std::array<std::array<plain, 2>, 3>>);
    static_assert(!detail::plain_bytes<std::array<std::optional<int>, 3>>);
    static_assert(!detail::plain_bytes<std::array<std::variant<int, double>, 3>>);
    static_assert(!detail::plain_bytes<std::array<std::array<std::variant<int, double>, 3>, 3>>);
    static_assert(!detail::plain_bytes<std::array<bool, 3>>);
    static_assert(!detail::plain_bytes<std::array<with_member, 3>>);
}

BOOST_AUTO_TEST_CASE(a_serialize_is_found_wherever_it_is) {
    static_assert(detail::has_serialize<with_member>);
    static_assert(detail::has_serialize<with_free>);
    static_assert(!detail::has_serialize<plain>);
    static_assert(!detail::has_serialize<owning>);
    static_assert(!detail::has_serialize<std::string>);
    static_assert(!detail::has_serialize<std::vector<int>>);
    static_assert(!detail::has_serialize<int>);
}

BOOST_AUTO_TEST_CASE(containers_are_told_from_ranges_that_own_nothing) {
    static_assert(detail::container<std::string>);
    static_assert(detail::container<std::map<int, int>>);
    static_assert(detail::container<std::forward_list<int>>);
    static_assert(!detail::container<plain>);
    static_assert(!detail::container<int[3]>);
    static_assert(!detail::container<serializable_range>);
}

BOOST_AUTO_TEST_CASE(contiguous_trivially_copyable_elements_move_as_one_block) {
    static_assert(detail::block_container<std::vector<double>>);
    static_assert(detail::block_container<std::string>);
    static_assert(detail::block_container<std::u32string>);
    static_assert(detail::block_container<std::vector<plain>>);
    static_assert(!detail::block_container<std::vector<bool>>);
    static_assert(!detail::block_container<std::vector<std::string>>);
    static_assert(!detail::block_container<std::vector<with_member>>);
    static_assert(!detail::block_container<std::list<int>>);
}

BOOST_AUTO_TEST_CASE(tuples_are_told_from_arrays) {
    static_assert(detail::tuple_like<std::tuple<int, std::string>>);
    static_assert(detail::tuple_like<std::pair<int, int>>);
    static_assert(!detail::tuple_like<std::array<std::string, 2>>);
    static_assert(!detail::tuple_like<plain>);
}

BOOST_AUTO_TEST_CASE(closures_that_own_something_are_not_plain_bytes_and_so_refused) {
    static_assert(detail::callable_object<std::decay_t<decltype(owner)>>);
    static_assert(!detail::plain_bytes<std::decay_t<decltype(owner)>>);
    static_assert(!detail::has_serialize<std::decay_t<decltype(owner)>>);
    static_assert(detail::callable_object<std::function<void()>>);
    static_assert(!detail::plain_bytes<std::function<void()>>);
}

BOOST_AUTO_TEST_CASE(arguments_travel_as_the_parameters_types_where_they_are_known) {
    static_assert(std::same_as<parameter_types<void (*)(double), int>, types<double>>);
    static_assert(
        std::same_as<parameter_types<void (*)(const std::string&), const char*>, types<std::string>>);
    static_assert(std::same_as<parameter_types<void (*)(std::string &&), const char*>, types<std::string>>);
    static_assert(std::same_as<parameter_types<void (*)() noexcept>, types<>>);
}

BOOST_AUTO_TEST_CASE(arguments_travel_as_themselves_where_parameters_are_generic) {
    using generic = decltype([](auto&&...) {});
    static_assert(
        std::same_as<parameter_types<generic, const int&, const char(&)[3]>, types<int, std::string>>);
    static_assert(std::same_as<parameter_types<generic, char*>, types<std::string>>);
    static_assert(std::same_as<parameter_types<int (owning::*)(int), owning&, short>, types<owning, short>>);
}

BOOST_AUTO_TEST_SUITE_END()
