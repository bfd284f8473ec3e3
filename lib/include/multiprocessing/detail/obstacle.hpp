// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/kinds.hpp>

#include <boost/pfr/tuple_size.hpp>
#include <concepts>
#include <cstddef>
#include <exception>
#include <filesystem>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

/// What keeps a type from traveling, and what the compiler says of it: one message for each, which comes
/// first, and behind which nothing else is compiled that would be as wrong.
namespace multiprocessing::detail {

enum class obstacle {
    none,
    is_array,
    is_address,
    is_immovable,
    is_abstract,
    points_to_base,
    is_union,
    has_base,
    has_array,
    has_captures,
    has_no_serialize,
};

/// Converts to any base of T.
template <class T>
struct any_base_of {
    template <class Base>
    requires(std::is_base_of_v<Base, T> && !std::same_as<Base, T>) operator Base() const;
};
struct stranger {};
/// A first member that is made of any class would be made of `any_base_of` too, but also of a stranger.
template <class T>
concept aggregate_with_base = std::is_aggregate_v<T> && std::is_class_v<T> && requires {
    T{any_base_of<T>{}};
} && !requires {
    T{stranger{}};
};

struct anything {
    template <class T>
    operator T() const { // never called, but clang 14 wants to see it
        std::terminate();
    }
};
/// Looks for a member of aggregate T that is an array. Of the initialisers that T takes an array gets as many
/// as it has elements; but {} is one for all of them, and then there are too many.
template <class T, std::size_t Members>
struct array_member {
    template <std::size_t>
    static anything any();

    template <std::size_t... Before, std::size_t... Behind>
    static constexpr bool is_behind(std::index_sequence<Before...>, std::index_sequence<Behind...>) {
        return requires {
            T{any<Before>()..., {}};
        }
        &&!requires {
            T{any<Before>()..., {}, any<Behind>()...};
        };
    }
    template <std::size_t... I>
    static constexpr bool is_among(std::index_sequence<I...>) {
        if constexpr (requires { T{any<I>()...}; }) {
            return (is_behind(std::make_index_sequence<I>{}, std::make_index_sequence<Members - 1 - I>{}) ||
                    ...);
        } else { // there is no telling
            return false;
        }
    }
    static constexpr bool exists = is_among(std::make_index_sequence<Members>{});
};

/// Has no member `serialize`, not even one that is private: or else the name would be ambiguous.
struct named_serialize {
    int serialize;
};
template <class T>
struct with_another_serialize : T, named_serialize {};
template <class T>
concept lacks_serialize = !std::is_final_v<T> && requires {
    &with_another_serialize<T>::serialize;
};

template <class T>
inline constexpr bool points_to_open_base = false;
template <smart_pointer T>
inline constexpr bool points_to_open_base<T> =
    std::is_polymorphic_v<typename T::element_type> && !std::is_final_v<typename T::element_type>;

/// Of a T whose codec is the ordinary one. Whether members and elements travel, their own codecs say; looked
/// at is only whether the members of an aggregate can be told apart.
template <class T>
consteval obstacle find_obstacle() {
    if constexpr (std::is_array_v<T>) {
        return obstacle::is_array;
    } else if constexpr (refers_to_memory<T>) {
        return obstacle::is_address;
    } else if constexpr (std::is_abstract_v<T>) {
        return obstacle::is_abstract;
    } else if constexpr (!std::is_move_constructible_v<T>) {
        return obstacle::is_immovable;
    } else if constexpr (points_to_open_base<T>) {
        return obstacle::points_to_base;
    } else if constexpr (plain_bytes<T> || has_serialize<T> || standard_kind<T> ||
                         std::same_as<T, std::filesystem::path>) {
        return obstacle::none;
    } else if constexpr (std::is_union_v<T>) {
        return obstacle::is_union;
    } else if constexpr (aggregate_with_base<T>) {
        return obstacle::has_base;
    } else if constexpr (std::is_aggregate_v<T>) {
        return array_member<T, boost::pfr::tuple_size_v<T>>::exists ? obstacle::has_array : obstacle::none;
    } else if constexpr (callable_object<T>) {
        return obstacle::has_captures;
    } else {
        return lacks_serialize<T> ? obstacle::has_no_serialize : obstacle::none;
    }
}

template <class T>
concept has_obstacle = find_obstacle<T>()
!= obstacle::none;

/// The messages. Which type they are about the compiler adds.
template <has_obstacle T>
[[noreturn]] void refuse() {
    constexpr auto found = find_obstacle<T>();
    static_assert(found != obstacle::is_array,
                  "an array cannot be sent by itself: use std::array or std::vector");
    static_assert(found != obstacle::is_address,
                  "this type refers to memory of the process that sends it: send the value itself instead "
                  "(std::string for const char* and std::string_view, std::vector for std::span)");
    static_assert(found != obstacle::is_abstract,
                  "an object of an abstract class cannot be rebuilt in another process: send a std::variant "
                  "of the classes that it can be");
    static_assert(found != obstacle::is_immovable,
                  "an object that can be neither moved nor copied stays where it is. If that is for a const "
                  "member, make it non-const; for std::mutex and its like use those of "
                  "multiprocessing/synchronization.hpp, for std::atomic shared_value");
    static_assert(found != obstacle::points_to_base,
                  "a pointer to a base class would arrive as a copy of the base alone: use std::variant, or "
                  "make the class final");
    static_assert(found != obstacle::is_union,
                  "which member of this union is active is not known: use std::variant, or give it, in its "
                  "public part, template <class Archive> void serialize(Archive& archive, unsigned)");
    static_assert(found != obstacle::has_base,
                  "this class has a base class, so its members cannot be found: give it, in its public part, "
                  "template <class Archive> void serialize(Archive& archive, unsigned) { archive & member & "
                  "...; }, or make what is its base a member");
    static_assert(
        found != obstacle::has_array,
        "this class has an array for a member, so its members cannot be told apart: make the array a "
        "std::array or, of strings and the like, a std::vector");
    static_assert(found != obstacle::has_captures,
                  "this callable owns something that is not trivially copyable: pass what it captures as "
                  "arguments, or make it a function object with a public serialize");
    static_assert(
        found != obstacle::has_no_serialize,
        "what this class consists of is not known: give it, in its public part, template <class "
        "Archive> void serialize(Archive& archive, unsigned) { archive & member & ...; }, or make it "
        "a struct with public members only, and without constructors");
    std::terminate();
}

} // namespace multiprocessing::detail

#pragma GCC visibility pop
