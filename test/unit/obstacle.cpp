// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/obstacle.hpp>

#include <multiprocessing/serialize.hpp>

#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/serialization/access.hpp>
#include <boost/test/unit_test.hpp>
#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

// What travels, and is near to what does not: test/must_not_compile has the other side.

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;

namespace {

template <class T>
bool survives(const T& value) {
    static_assert(!detail::has_obstacle<T>);
    return mp::decode<T>(mp::encode(value)) == value;
}

class with_private_serialize {
public:
    with_private_serialize() = default;
    explicit with_private_serialize(std::string text) : text_(std::move(text)) {}
    bool operator==(const with_private_serialize&) const = default;

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text_;
    }
    std::string text_;
};

class final_with_private_serialize final {
public:
    final_with_private_serialize() = default;
    explicit final_with_private_serialize(std::string text) : text_(std::move(text)) {}
    bool operator==(const final_with_private_serialize&) const = default;

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text_;
    }
    std::string text_;
};

class with_free_serialize {
public:
    with_free_serialize() = default;
    explicit with_free_serialize(std::string text) : text(std::move(text)) {}
    bool operator==(const with_free_serialize&) const = default;

    std::string text;
};
template <class Archive>
void serialize(Archive& archive, with_free_serialize& value, unsigned) {
    archive& value.text;
}

struct final_aggregate final {
    std::string text;
    int number = 0;
    bool operator==(const final_aggregate&) const = default;
};

struct with_bit_fields {
    unsigned low : 3;
    unsigned high : 29;
    bool operator==(const with_bit_fields&) const = default;
};

struct empty {
    bool operator==(const empty&) const = default;
};

struct with_array {
    std::array<int, 3> numbers{};
    empty nothing;
    std::string text;
    bool operator==(const with_array&) const = default;
};

/// Is made of an object of any other class, as `std::any` is.
struct greedy {
    greedy() = default;
    template <class T>
    requires(std::is_class_v<T> && !std::same_as<T, greedy>) greedy(const T&) {} // NOLINT: for all
    bool operator==(const greedy&) const = default;

    std::string text;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
    }
};
struct with_greedy_member {
    greedy first;
    std::string second;
    bool operator==(const with_greedy_member&) const = default;
};

/// A union whose bytes are not what it is.
union owning_union {
    owning_union() : text() {}
    explicit owning_union(std::string of) : text(std::move(of)) {}
    owning_union(const owning_union& other) : text(other.text) {}
    owning_union& operator=(const owning_union&) = delete;
    ~owning_union() { text.~basic_string(); }
    bool operator==(const owning_union& other) const { return text == other.text; }

    std::string text;
    int number;

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
    }
};

/// One whose bytes would do, were it not for what it has to say.
union plain_union {
    int number;
    float fraction;
    bool operator==(const plain_union& other) const { return number == other.number; }

    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        number += 1;
        archive& number;
        number -= 1;
    }
};

union silent_union {
    int number;
    float fraction;
    bool operator==(const silent_union& other) const { return number == other.number; }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(obstacle, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_serialize_that_only_boost_may_call_is_no_obstacle) {
    BOOST_TEST(survives(with_private_serialize("text")));
    BOOST_TEST(survives(final_with_private_serialize("text")));
}

BOOST_AUTO_TEST_CASE(a_free_serialize_is_no_obstacle) {
    BOOST_TEST(survives(with_free_serialize("text")));
}

BOOST_AUTO_TEST_CASE(an_aggregate_may_be_final_or_empty_or_hold_arrays_and_bit_fields) {
    BOOST_TEST(survives(final_aggregate{"text", 1}));
    BOOST_TEST(survives(empty{}));
    BOOST_TEST(survives(with_bit_fields{5, 1'000'000}));
    BOOST_TEST(survives(with_array{{1, 2, 3}, {}, "text"}));
}

BOOST_AUTO_TEST_CASE(a_first_member_that_is_made_of_anything_is_not_taken_for_a_base) {
    with_greedy_member value;
    value.first.text = "first";
    value.second = "second";
    BOOST_TEST(survives(value));
}

BOOST_AUTO_TEST_CASE(a_union_travels_by_its_serialize_or_else_as_its_bytes) {
    BOOST_TEST(survives(owning_union("text")));
    BOOST_TEST(survives(silent_union{5}));
    static_assert(!detail::plain_bytes<plain_union>);
    BOOST_TEST(survives(plain_union{5}));
    BOOST_TEST((mp::encode(plain_union{5}) == mp::encode(6)));
}

BOOST_AUTO_TEST_SUITE_END()
