// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/serialize.hpp>

#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <compare>
#include <complex>
#include <deque>
#include <filesystem>
#include <forward_list>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::string_literals;

namespace {

template <class T>
T there_and_back(const T& value) {
    return mp::decode<T>(mp::encode(value));
}

template <class T>
bool survives(const T& value) {
    return there_and_back(value) == value;
}

/// Every proper prefix of a value's bytes is recognised as one.
template <class T>
void check_truncated(const T& value) {
    const auto bytes = mp::encode(value);
    for (std::size_t size = 0; size != bytes.size(); ++size) {
        BOOST_TEST_CONTEXT("the first " << size << " of " << bytes.size() << " bytes") {
            BOOST_CHECK_THROW((void)mp::decode<T>(std::span(bytes).first(size)), mp::decode_failed);
        }
    }
}

enum class colour : short { red, green };

struct point {
    int x = 0;
    double y = 0;
    bool operator==(const point&) const = default;
};

struct no_default {
    explicit no_default(int v) : value(v) {}
    int value;
    bool operator==(const no_default&) const = default;
};

struct inner {
    std::string name;
    std::vector<int> numbers;
    bool operator==(const inner&) const = default;
};

struct outer {
    int id = 0;
    inner one;
    std::map<std::string, inner> more;
    std::optional<inner> maybe;
    bool operator==(const outer&) const = default;
};

struct owner {
    std::unique_ptr<std::string> text;
    std::vector<std::unique_ptr<int>> numbers;
};

struct nothing { // takes no bytes at all
    template <class Archive>
    void serialize(Archive&, unsigned) {}
    auto operator<=>(const nothing&) const = default;
};

struct node { // refers to its own type
    std::string name;
    std::vector<node> children;
    bool operator==(const node&) const = default;
};

/// One inside the other, each with its vector.
constexpr std::size_t deepest = mp::most_levels / 2;
node nested(std::size_t depth) {
    node outermost;
    for (auto* innermost = &outermost; depth > 1; --depth) {
        innermost = &innermost->children.emplace_back();
    }
    return outermost;
}
std::size_t depth_of(const node& outermost) {
    std::size_t depth = 1;
    for (const auto* inner = &outermost; !inner->children.empty(); inner = &inner->children.front()) {
        ++depth;
    }
    return depth;
}

struct chain_link {
    std::unique_ptr<chain_link> next;
};

struct throws_when_copied {
    throws_when_copied() = default;
    throws_when_copied(const throws_when_copied&) { throw std::runtime_error("copied"); }
    throws_when_copied& operator=(const throws_when_copied&) = default;
    std::string text;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
    }
};
using may_be_valueless = std::variant<std::string, throws_when_copied>;

may_be_valueless make_valueless() {
    may_be_valueless value;
    try {
        value.emplace<throws_when_copied>(throws_when_copied());
    } catch (const std::runtime_error&) {
    }
    return value;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(serialize, leaves_nothing)

// Values

BOOST_AUTO_TEST_CASE(trivially_copyable_types_travel) {
    BOOST_TEST(survives(42));
    BOOST_TEST(survives(-1.5));
    BOOST_TEST(survives(true));
    BOOST_TEST(survives('x'));
    BOOST_TEST(survives(std::byte{7} == std::byte{7}));
    BOOST_TEST(survives(std::numeric_limits<std::uint64_t>::max()));
    BOOST_TEST(survives(std::complex<double>(1, 2)));
    BOOST_TEST((there_and_back(colour::green) == colour::green));
    BOOST_TEST(survives(point{3, 4.5}));
    BOOST_TEST(survives(no_default(5)));
    BOOST_TEST(survives(std::array<int, 3>{1, 2, 3}));
}

BOOST_AUTO_TEST_CASE(trivially_copyable_types_take_no_more_bytes_than_they_have) {
    BOOST_TEST(mp::encode(42).size() == sizeof(int));
    BOOST_TEST(mp::encode(point{}).size() == sizeof(point));
}

BOOST_AUTO_TEST_CASE(a_byte_that_is_neither_0_nor_1_becomes_a_proper_bool) {
    const std::byte two[] = {std::byte{2}};
    BOOST_TEST(static_cast<int>(mp::decode<bool>(two)) == 1);
}

BOOST_AUTO_TEST_CASE(strings_travel) {
    BOOST_TEST(survives(""s));
    BOOST_TEST(survives("hello"s));
    BOOST_TEST(survives("zero\0inside"s));
    BOOST_TEST((survives(u8"gr\u00fc\u00df"s)));
    BOOST_TEST((survives(L"wide"s)));
    BOOST_TEST(survives(std::string(1'000'000, 'x')));
}

BOOST_AUTO_TEST_CASE(sequences_travel) {
    BOOST_TEST((survives(std::vector<int>{})));
    BOOST_TEST((survives(std::vector<int>{1, 2, 3})));
    BOOST_TEST((survives(std::vector<std::string>{"a", "", "c"})));
    BOOST_TEST((survives(std::vector<std::vector<int>>{{1}, {}, {2, 3}})));
    BOOST_TEST((survives(std::deque<int>{1, 2})));
    BOOST_TEST((survives(std::deque<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::list<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::forward_list<int>{1, 2, 3})));
    BOOST_TEST((survives(std::forward_list<std::string>{})));
    BOOST_TEST((survives(std::array<std::string, 2>{"a", "b"})));
}

BOOST_AUTO_TEST_CASE(a_vector_of_bool_travels) {
    BOOST_TEST((survives(std::vector<bool>{true, false, true})));
    BOOST_TEST((survives(std::vector<std::vector<bool>>{{true}, {}, {false}})));
}

BOOST_AUTO_TEST_CASE(a_block_of_trivially_copyable_elements_is_its_bytes_and_their_number) {
    BOOST_TEST(mp::encode(std::vector<int>(1000)).size() == sizeof(std::uint64_t) + 1000 * sizeof(int));
}

BOOST_AUTO_TEST_CASE(sets_and_maps_travel) {
    BOOST_TEST((survives(std::set<int>{3, 1, 2})));
    BOOST_TEST((survives(std::multiset<std::string>{"a", "a"})));
    BOOST_TEST((survives(std::map<std::string, int>{{"a", 1}, {"b", 2}})));
    BOOST_TEST((survives(std::map<char, int>{{'a', 1}, {'b', 2}})));
    BOOST_TEST((survives(std::unordered_map<char, double>{{'a', 1.5}, {'b', 2.5}})));
    BOOST_TEST((survives(std::multimap<int, std::string>{{1, "a"}, {1, "b"}})));
    BOOST_TEST((survives(std::unordered_set<std::string>{"a", "b"})));
    BOOST_TEST((survives(std::unordered_map<int, std::vector<int>>{{1, {1, 2}}, {2, {}}})));
    BOOST_TEST((survives(std::unordered_multimap<int, int>{{1, 1}, {1, 2}})));
}

BOOST_AUTO_TEST_CASE(elements_with_equal_keys_keep_their_order) {
    const std::multimap<int, std::string> value{{1, "first"}, {1, "second"}, {1, "third"}};
    const auto copy = there_and_back(value);
    BOOST_TEST(std::ranges::equal(copy, value));
}

BOOST_AUTO_TEST_CASE(pairs_and_tuples_travel) {
    BOOST_TEST((survives(std::pair<int, std::string>{1, "a"})));
    BOOST_TEST((survives(std::tuple<int, std::string, std::vector<double>>{1, "a", {2.5}})));
    BOOST_TEST((survives(std::tuple<std::tuple<std::string>>{{"a"}})));
    BOOST_TEST(survives(std::tuple<>()));
}

BOOST_AUTO_TEST_CASE(optionals_travel) {
    BOOST_TEST((survives(std::optional<int>{})));
    BOOST_TEST((survives(std::optional<int>{5})));
    BOOST_TEST((survives(std::optional<std::string>{})));
    BOOST_TEST((survives(std::optional<std::string>{"a"})));
}

BOOST_AUTO_TEST_CASE(an_optional_that_holds_an_empty_optional_is_not_empty) {
    using nested = std::optional<std::optional<std::string>>;
    const auto copy = there_and_back(nested(std::optional<std::string>()));
    BOOST_TEST(copy.has_value());
    BOOST_TEST(!copy->has_value());
}

BOOST_AUTO_TEST_CASE(variants_travel) {
    using either = std::variant<std::monostate, int, std::string>;
    BOOST_TEST((survives(either())));
    BOOST_TEST((survives(either(5))));
    BOOST_TEST((survives(either("a"s))));
    BOOST_TEST((survives(std::variant<int, double>(2.5))));
}

BOOST_AUTO_TEST_CASE(a_variant_with_two_alternatives_of_one_type_keeps_which_it_was) {
    const std::variant<std::string, std::string> second(std::in_place_index<1>, "a");
    BOOST_TEST(there_and_back(second).index() == 1U);
}

BOOST_AUTO_TEST_CASE(chrono_types_travel) {
    using namespace std::chrono;
    BOOST_TEST((there_and_back(milliseconds(5)) == milliseconds(5)));
    BOOST_TEST((there_and_back(1.5h) == 1.5h));
    const auto now = system_clock::now();
    BOOST_TEST((there_and_back(now) == now));
    BOOST_TEST((there_and_back(2026y / March / 1) == 2026y / March / 1));
}

BOOST_AUTO_TEST_CASE(paths_travel) {
    BOOST_TEST(survives(std::filesystem::path("/tmp/a b/\xff")));
    BOOST_TEST(survives(std::filesystem::path()));
    BOOST_TEST((survives(std::vector<std::filesystem::path>{"a", "b/c"})));
}

BOOST_AUTO_TEST_CASE(smart_pointers_travel_with_what_they_point_to) {
    BOOST_TEST(*there_and_back(std::make_unique<int>(5)) == 5);
    BOOST_TEST(*there_and_back(std::make_shared<std::string>("a")) == "a");
    BOOST_TEST(*there_and_back(std::make_shared<const std::string>("a")) == "a");
    BOOST_TEST((there_and_back(std::unique_ptr<std::string>()) == nullptr));
    BOOST_TEST((there_and_back(std::shared_ptr<int>()) == nullptr));
}

BOOST_AUTO_TEST_CASE(containers_of_move_only_values_travel) {
    std::vector<std::unique_ptr<std::string>> value;
    value.push_back(std::make_unique<std::string>("a"));
    value.push_back(nullptr);
    const auto copy = there_and_back(value);
    BOOST_TEST(copy.size() == 2U);
    BOOST_TEST(*copy[0] == "a");
    BOOST_TEST((copy[1] == nullptr));
}

BOOST_AUTO_TEST_CASE(plain_aggregates_travel_member_by_member) {
    BOOST_TEST((survives(inner{"a", {1, 2}})));
    BOOST_TEST((survives(outer{1, {"a", {1}}, {{"b", {"c", {2, 3}}}}, inner{"d", {}}})));
    BOOST_TEST((survives(std::vector<inner>{{"a", {}}, {"b", {1}}})));
}

BOOST_AUTO_TEST_CASE(aggregates_of_move_only_members_travel) {
    owner value{std::make_unique<std::string>("a"), {}};
    value.numbers.push_back(std::make_unique<int>(5));
    const auto copy = there_and_back(value);
    BOOST_TEST(*copy.text == "a");
    BOOST_TEST(*copy.numbers.at(0) == 5);
}

BOOST_AUTO_TEST_CASE(aggregates_that_contain_their_own_type_travel) {
    BOOST_TEST((survives(node{"root", {{"left", {}}, {"right", {{"leaf", {}}}}}})));
}

BOOST_AUTO_TEST_CASE(deeply_composed_values_travel) {
    std::map<std::string, std::vector<std::optional<std::variant<int, inner>>>> value;
    value["a"] = {std::nullopt, 5, inner{"b", {1}}};
    BOOST_TEST(survives(value));
}

BOOST_AUTO_TEST_CASE(several_values_come_out_in_the_order_in_which_they_were_put) {
    mp::detail::bytes bytes;
    mp::encoder out(bytes);
    out.put(1);
    out.put("two"s);
    out << 3.0;
    mp::decoder in(bytes);
    BOOST_TEST(in.get<int>() == 1);
    BOOST_TEST(in.get<std::string>() == "two");
    BOOST_TEST(in.get<double>() == 3.0);
    BOOST_TEST(in.remaining() == 0U);
}

BOOST_AUTO_TEST_CASE(an_encoder_appends_to_what_is_there) {
    const auto first = mp::encode(1);
    mp::detail::bytes bytes{std::span<const std::byte>(first)};
    mp::encoder(bytes).put(2);
    BOOST_TEST((mp::decode<std::array<int, 2>>(bytes) == std::array{1, 2}));
}

BOOST_AUTO_TEST_CASE(what_is_kept_alive_is_handed_over_once) {
    mp::detail::bytes bytes;
    mp::encoder out(bytes);
    out.keep_alive(std::make_shared<int>(1));
    BOOST_TEST(out.take_kept().size() == 1U);
    BOOST_TEST(out.take_kept().empty());
}

// Rubbish

BOOST_AUTO_TEST_CASE(truncated_bytes_are_recognised_at_every_length) {
    check_truncated(42);
    check_truncated(point{1, 2});
    check_truncated("hello"s);
    check_truncated(std::vector<int>{1, 2, 3});
    check_truncated(std::vector<bool>{true, false});
    check_truncated(std::vector<std::string>{"a", "bc"});
    check_truncated(std::forward_list<std::string>{"a", "bc"});
    check_truncated(std::map<std::string, int>{{"a", 1}, {"b", 2}});
    check_truncated(std::array<std::string, 2>{"a", "b"});
    check_truncated(std::tuple<int, std::string>{1, "a"});
    check_truncated(std::optional<std::string>("a"));
    check_truncated(std::variant<int, std::string>("a"));
    check_truncated(std::filesystem::path("/tmp"));
    check_truncated(std::make_shared<std::string>("a"));
    check_truncated(outer{1, {"a", {1}}, {{"b", {"c", {2, 3}}}}, inner{"d", {}}});
}

BOOST_AUTO_TEST_CASE(a_number_of_elements_beyond_the_bytes_is_an_error_and_takes_no_memory) {
    for (const auto count : {std::uint64_t{4}, std::uint64_t{1} << 40, std::uint64_t{1} << 62, // * 4 wraps
                             std::numeric_limits<std::uint64_t>::max()}) {
        auto bytes = mp::encode(count);
        bytes.resize(bytes.size() + 3);
        BOOST_CHECK_THROW((void)mp::decode<std::string>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)mp::decode<std::vector<int>>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)mp::decode<std::vector<bool>>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)mp::decode<std::list<std::string>>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)(mp::decode<std::map<int, int>>(bytes)), mp::decode_failed);
        BOOST_CHECK_THROW((void)(mp::decode<std::forward_list<int>>(bytes)), mp::decode_failed);
    }
}

BOOST_AUTO_TEST_CASE(any_number_of_elements_that_take_no_bytes_travels) {
    BOOST_TEST((survives(std::vector<nothing>(1000))));
    BOOST_TEST((survives(std::vector<std::array<nothing, 2>>(10))));
    BOOST_TEST((survives(std::array<nothing, 0>())));
    BOOST_TEST((survives(std::forward_list<nothing>(3))));
    BOOST_TEST((survives(std::array<nothing, 3>())));
    BOOST_TEST((survives(std::vector<std::tuple<>>(3))));
}

BOOST_AUTO_TEST_CASE(elements_that_take_no_bytes_cannot_be_announced_without_end) {
    for (const auto count : {std::uint64_t{4}, std::uint64_t{1} << 60}) {
        auto bytes = mp::encode(count);
        bytes.resize(bytes.size() + 3);
        BOOST_CHECK_THROW((void)mp::decode<std::vector<nothing>>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)mp::decode<std::forward_list<nothing>>(bytes), mp::decode_failed);
        BOOST_CHECK_THROW((void)(mp::decode<std::map<nothing, nothing>>(bytes)), mp::decode_failed);
        BOOST_CHECK_THROW((void)mp::decode<std::vector<std::tuple<>>>(bytes), mp::decode_failed);
    }
}

BOOST_AUTO_TEST_CASE(values_nested_as_deeply_as_allowed_travel) {
    BOOST_TEST(depth_of(there_and_back(nested(deepest))) == deepest);
}

BOOST_AUTO_TEST_CASE(values_nested_more_deeply_are_not_encodable) {
    BOOST_CHECK_THROW((void)mp::encode(nested(deepest + 1)), mp::not_encodable);
    // It is the depth that counts, not the number.
    BOOST_TEST(survives(std::vector<node>(10 * deepest, nested(2))));
}

BOOST_AUTO_TEST_CASE(bytes_that_nest_without_end_are_an_error_and_do_not_exhaust_the_stack) {
    mp::detail::bytes bytes;
    mp::encoder out(bytes);
    for (int level = 0; level != 1'000'000; ++level) {
        out.put(""s);             // a node without a name ...
        detail::put_size(out, 1); // ... and with one child
    }
    BOOST_CHECK_THROW((void)mp::decode<node>(bytes), mp::decode_failed);
    const std::vector<std::byte> all_set(1'000'000, std::byte{1});
    BOOST_CHECK_THROW((void)mp::decode<chain_link>(all_set), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(leftover_bytes_are_an_error) {
    auto bytes = mp::encode("a"s);
    bytes.push_back({});
    BOOST_CHECK_THROW((void)mp::decode<std::string>(bytes), mp::decode_failed);
    BOOST_CHECK_THROW((void)mp::decode<char>(bytes), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(an_alternative_that_the_variant_does_not_have_is_an_error) {
    const auto bytes = mp::encode(std::pair<std::uint64_t, std::string>(2, "a"));
    BOOST_CHECK_THROW((void)(mp::decode<std::variant<int, std::string>>(bytes)), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(an_alternative_that_a_variant_of_plain_types_does_not_have_is_an_error) {
    // Bytes from a child are checked before they are used; this one, used, would be a jump to nowhere.
    std::vector<std::byte> bytes(mp::encode(std::variant<int, double>(1)).size(), std::byte{7});
    BOOST_CHECK_THROW((void)(mp::decode<std::variant<int, double>>(bytes)), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(flags_and_indices_in_an_array_are_checked_as_well) {
    using variants = std::array<std::variant<int, double>, 2>;
    BOOST_TEST((survives(variants{1, 2.5})));
    BOOST_TEST((survives(std::array<std::optional<int>, 2>{1, std::nullopt})));
    BOOST_TEST((survives(std::array<bool, 2>{true, false})));
    const std::vector<std::byte> bytes(mp::encode(variants()).size(), std::byte{7});
    BOOST_CHECK_THROW((void)mp::decode<variants>(bytes), mp::decode_failed);
    BOOST_TEST((mp::decode<std::array<bool, 2>>(std::span(bytes).first(2)) == std::array{true, true}));
}

BOOST_AUTO_TEST_CASE(a_valueless_variant_is_not_encodable) {
    const auto valueless = make_valueless();
    BOOST_TEST_REQUIRE(valueless.valueless_by_exception());
    BOOST_CHECK_THROW((void)mp::encode(valueless), mp::not_encodable);
}

BOOST_AUTO_TEST_CASE(taking_more_bytes_than_there_are_is_an_error_and_takes_none) {
    const auto bytes = mp::encode(1);
    mp::decoder in(bytes);
    BOOST_CHECK_THROW((void)in.take(5), mp::decode_failed);
    BOOST_TEST(in.get<int>() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
