// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <boost/serialization/access.hpp>
#include <concepts>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>

#pragma GCC visibility push(default)

namespace boost::serialization {
template <class T>
struct version; // complete, and used, when the program includes <boost/serialization/version.hpp>
} // namespace boost::serialization

/// Which of the ways to travel a type takes; `codec.hpp` holds the ways.
namespace multiprocessing {

class encoder;
class decoder;

namespace detail {

class bytes;

template <class T>
struct codec;

/// The version number given to `serialize`. Its template argument makes boost::serialization an associated
/// namespace, so that free functions declared there are found.
template <class>
struct version_argument {
    unsigned value;
    constexpr operator unsigned() const noexcept { return value; } // NOLINT: `serialize` takes an unsigned
};
using serialize_version = version_argument<boost::serialization::access>;

namespace free_serialize {
struct none {};
/// Loses against any `serialize` written for a type, and is ambiguous with Boost's own catch-all.
template <class Archive, class T>
none serialize(Archive&, T&, const unsigned);

template <class T>
concept found = requires(encoder& archive, T& value) {
    { serialize(archive, value, serialize_version{0}) } -> std::same_as<void>;
};
} // namespace free_serialize

template <class T, template <class...> class Template>
inline constexpr bool is_specialization = false;
template <template <class...> class Template, class... Args>
inline constexpr bool is_specialization<Template<Args...>, Template> = true;

template <class T>
concept smart_pointer = is_specialization<T, std::unique_ptr> || is_specialization<T, std::shared_ptr>;

template <class T>
concept range_of_values = std::ranges::input_range<T> && requires {
    typename T::value_type;
};

/// What this library knows by itself. Boost.Serialization brings free functions for many of these, in headers
/// that one source file includes and another does not: they are not looked at.
template <class T>
concept standard_kind = range_of_values<T> || smart_pointer<T> || is_specialization<T, std::optional> ||
    is_specialization<T, std::variant> || requires {
    std::tuple_size<T>::value;
};

template <class T>
concept has_member_serialize = requires(encoder& archive, T& value) {
    value.serialize(archive, 0U);
};

template <class T>
concept has_free_serialize = !standard_kind<T> && free_serialize::found<T>;

template <class T>
concept has_serialize = (std::is_class_v<T> || std::is_union_v<T>)&&(has_member_serialize<T> ||
                                                                     has_free_serialize<T>);

template <class T>
concept refers_to_memory = std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T> ||
                           (std::is_class_v<T>&& std::ranges::view<T>) ||
                           is_specialization<T, std::reference_wrapper> || std::same_as<T, std::error_code> ||
                           std::same_as<T, std::error_condition>;

template <class T>
concept callable_object = is_specialization<T, std::function> || requires {
    &T::operator();
};

/// What has an index or a flag inside, which is to be checked, or a `serialize` of its own.
template <class T>
inline constexpr bool has_a_say =
    has_serialize<T> || is_specialization<T, std::optional> || is_specialization<T, std::variant>;
template <class T, std::size_t N>
inline constexpr bool has_a_say<std::array<T, N>> = has_a_say<T> || std::same_as<T, bool>;

/// Travels as the bytes it consists of. The members of a trivially copyable class are not looked at. Pairs
/// and tuples never are one of these: with constant members, as in a map, compilers disagree.
template <class T>
concept plain_bytes =
    std::is_trivially_copyable_v<T> && !has_a_say<T> && !refers_to_memory<T> && !std::is_array_v<T> &&
    !is_specialization<T, std::pair> && !is_specialization<T, std::tuple>;

template <class T>
concept container = range_of_values<T> && !has_serialize<T>;

template <class T>
concept block_container = container<T> && std::ranges::contiguous_range<T> &&
    plain_bytes<typename T::value_type> && requires(T& c, const typename T::value_type* p) {
    c.assign(p, p);
};

template <class T>
concept tuple_like = !std::ranges::range<T> && !has_serialize<T> && requires {
    std::tuple_size<T>::value;
};

template <class T>
unsigned class_version() {
    if constexpr (requires { boost::serialization::version<T>::value; }) {
        return static_cast<unsigned>(boost::serialization::version<T>::value);
    } else {
        return 0;
    }
}

template <class Archive, class T>
void call_serialize(Archive& archive, T& value) {
    if constexpr (!has_member_serialize<T> && has_free_serialize<T>) {
        serialize(archive, value, serialize_version{class_version<T>()});
    } else {
        boost::serialization::access::serialize(archive, value, class_version<T>());
    }
}

} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
