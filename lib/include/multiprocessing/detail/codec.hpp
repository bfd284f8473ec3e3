// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/obstacle.hpp>
#include <multiprocessing/serialize.hpp>

#include <array>
#include <bit>
#include <boost/pfr/core.hpp>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#pragma GCC visibility push(default)

/// The ways in which the kinds of types travel. Included by `serialize.hpp`, which says what travels.
namespace multiprocessing {
namespace detail {

inline void put_size(encoder& out, std::size_t size) {
    out.put(static_cast<std::uint64_t>(size));
}

inline std::size_t get_size(decoder& in) {
    return static_cast<std::size_t>(in.get<std::uint64_t>());
}

/// Calls `function` with the sequence 0 .. N-1, for it to deduce as a pack.
template <std::size_t N, class Function>
decltype(auto) with_indices(Function&& function) {
    return function(std::make_index_sequence<N>{});
}

template <plain_bytes T>
T decode_plain(decoder& in) {
    if constexpr (std::same_as<T, bool>) {
        return in.take(1)[0] != std::byte{0};
    } else {
        std::array<std::byte, sizeof(T)> raw;
        in.load_binary(raw.data(), raw.size());
        return std::bit_cast<T>(raw);
    }
}

/// Values that lie among bytes, one behind the other, aligned or not.
template <plain_bytes T>
class raw_iterator {
public:
    using iterator_category = std::random_access_iterator_tag; // what containers ask; it gives values
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = const T*;
    using reference = T;

    raw_iterator() = default;
    explicit raw_iterator(const std::byte* at) : at_(at) {}

    T operator*() const {
        decoder in(std::span(at_, sizeof(T)));
        return decode_plain<T>(in);
    }
    T operator[](difference_type i) const { return *(*this + i); }
    raw_iterator& operator+=(difference_type i) {
        at_ += i * difference_type{sizeof(T)};
        return *this;
    }
    raw_iterator& operator-=(difference_type i) { return *this += -i; }
    raw_iterator& operator++() { return *this += 1; }
    raw_iterator& operator--() { return *this += -1; }
    raw_iterator operator++(int) { return std::exchange(*this, *this + 1); }
    raw_iterator operator--(int) { return std::exchange(*this, *this - 1); }
    friend raw_iterator operator+(raw_iterator at, difference_type i) { return at += i; }
    friend raw_iterator operator+(difference_type i, raw_iterator at) { return at += i; }
    friend raw_iterator operator-(raw_iterator at, difference_type i) { return at -= i; }
    friend difference_type operator-(raw_iterator a, raw_iterator b) {
        return (a.at_ - b.at_) / difference_type{sizeof(T)};
    }
    friend auto operator<=>(raw_iterator, raw_iterator) = default;

private:
    const std::byte* at_ = nullptr;
};

/// The elements of a block.
template <plain_bytes T>
struct raw_block {
    std::span<const std::byte> bytes;

    [[nodiscard]] std::size_t size() const { return bytes.size() / sizeof(T); }
    [[nodiscard]] auto begin() const {
        if constexpr (std::same_as<T, char> || std::same_as<T, unsigned char> || std::same_as<T, std::byte>) {
            return reinterpret_cast<const T*>(bytes.data()); // whose like may be looked at everywhere
        } else {
            return raw_iterator<T>(bytes.data());
        }
    }
    [[nodiscard]] auto end() const { return begin() + static_cast<std::ptrdiff_t>(size()); }
};

template <plain_bytes T>
raw_block<T> take_block(decoder& in) {
    const std::size_t count = get_size(in);
    if (count > in.remaining() / sizeof(T)) {
        throw decode_failed("the number of elements exceeds the bytes that are there");
    }
    return {in.take(count * sizeof(T))};
}

/// The memory that `result` has is used again. Fresh memory is not filled with zeros first.
template <block_container T>
void decode_block(decoder& in, T& result) {
    const auto block = take_block<typename T::value_type>(in);
    if (block.size() != 0 && block.size() == std::ranges::size(result)) {
        std::memcpy(static_cast<void*>(std::ranges::data(result)), block.bytes.data(), block.bytes.size());
    } else {
        result.assign(block.begin(), block.end());
    }
}

template <block_container T>
T decode_block(decoder& in) {
    T result;
    decode_block(in, result);
    return result;
}

/// Of a counted number of elements, one that takes no bytes gets one: then there cannot be more of them than
/// bytes, whatever number is announced. `before` is the size without the element.
inline void fill_empty_element(encoder& out, std::size_t before) {
    if (out.size() == before) {
        out.put(std::byte{});
    }
}

template <class T>
void put_element(encoder& out, const T& element) {
    const auto before = out.size();
    out.put(element);
    fill_empty_element(out, before);
}

template <class T>
T get_element(decoder& in) {
    const auto before = in.remaining();
    T element = in.get<T>();
    if (in.remaining() == before) {
        in.take(1);
    }
    return element;
}

template <class T>
struct without_const {
    using type = std::remove_cv_t<T>;
};
template <class First, class Second>
struct without_const<std::pair<First, Second>> { // the elements of a map
    using type = std::pair<std::remove_cv_t<First>, Second>;
};

template <container T>
T decode_elements(decoder& in) {
    using element = typename without_const<typename T::value_type>::type;
    const std::size_t count = get_size(in);
    if (count > in.remaining()) {
        throw decode_failed("the number of elements exceeds the bytes that are there");
    }
    if constexpr (requires(T & c, element e) { c.push_back(std::move(e)); }) {
        T result;
        for (std::size_t i = 0; i != count; ++i) {
            result.push_back(get_element<element>(in));
        }
        return result;
    } else if constexpr (requires(T & c, element e) { c.insert(c.end(), std::move(e)); }) {
        T result;
        for (std::size_t i = 0; i != count; ++i) {
            result.insert(result.end(), get_element<element>(in));
        }
        return result;
    } else { // a singly linked list
        std::vector<element> elements;
        for (std::size_t i = 0; i != count; ++i) {
            elements.push_back(get_element<element>(in));
        }
        return T(std::move_iterator(elements.begin()), std::move_iterator(elements.end()));
    }
}

template <container T>
void encode_elements(encoder& out, const T& value) {
    put_size(out, static_cast<std::size_t>(std::ranges::distance(value)));
    for (const auto& element : value) {
        if constexpr (std::same_as<decltype(element), const typename T::value_type&>) {
            put_element(out, element);
        } else { // the proxies of a vector<bool>
            put_element(out, static_cast<typename T::value_type>(element));
        }
    }
}

template <class Array>
Array decode_array(decoder& in) {
    return with_indices<std::tuple_size_v<Array>>([&]<std::size_t... I>(std::index_sequence<I...>) {
        return Array{((void)I, in.get<typename Array::value_type>())...};
    });
}

template <class T>
struct codec {
    static_assert(!std::is_reference_v<T> && !std::is_const_v<T>);

    static void encode(encoder& out, const T& value) {
        if constexpr (has_obstacle<T>) {
            refuse<T>();
        } else if constexpr (has_serialize<T>) {
            call_serialize(out, const_cast<T&>(value)); // Boost's convention: saving does not modify
        } else if constexpr (plain_bytes<T>) {
            out.save_binary(std::addressof(value), sizeof(T));
        } else if constexpr (block_container<T>) {
            put_size(out, std::ranges::size(value));
            out.save_binary(std::ranges::data(value),
                            std::ranges::size(value) * sizeof(typename T::value_type));
        } else if constexpr (std::same_as<T, std::filesystem::path>) {
            out.put(value.native());
        } else if constexpr (tuple_like_array) {
            for (const auto& element : value) {
                out.put(element);
            }
        } else if constexpr (container<T>) {
            encode_elements(out, value);
        } else if constexpr (tuple_like<T>) {
            std::apply([&](const auto&... member) { (out.put(member), ...); }, value);
        } else if constexpr (is_specialization<T, std::optional> || smart_pointer<T>) {
            out.put(static_cast<bool>(value));
            if (value) {
                out.put(*value);
            }
        } else if constexpr (is_specialization<T, std::variant>) {
            if (value.valueless_by_exception()) {
                throw not_encodable("a variant that is valueless by exception cannot be sent");
            }
            put_size(out, value.index());
            std::visit([&](const auto& alternative) { out.put(alternative); }, value);
        } else if constexpr (std::is_aggregate_v<T>) {
            boost::pfr::for_each_field(value, [&](const auto& member) { out.put(member); });
        } else { // a `serialize` that only Boost may call
            call_serialize(out, const_cast<T&>(value));
        }
    }

    static T decode(decoder& in) {
        if constexpr (has_obstacle<T>) {
            refuse<T>();
        } else if constexpr (has_serialize<T>) {
            return decode_with_serialize(in);
        } else if constexpr (plain_bytes<T>) {
            return decode_plain<T>(in);
        } else if constexpr (block_container<T>) {
            return decode_block<T>(in);
        } else if constexpr (std::same_as<T, std::filesystem::path>) {
            return T(in.get<typename T::string_type>());
        } else if constexpr (tuple_like_array) {
            return decode_array<T>(in);
        } else if constexpr (container<T>) {
            return decode_elements<T>(in);
        } else if constexpr (tuple_like<T>) {
            return with_indices<std::tuple_size_v<T>>([&]<std::size_t... I>(std::index_sequence<I...>) {
                return T{in.get<std::remove_cv_t<std::tuple_element_t<I, T>>>()...}; // braces: in this order
            });
        } else if constexpr (is_specialization<T, std::optional>) {
            return in.get<bool>() ? T(in.get<typename T::value_type>()) : T();
        } else if constexpr (smart_pointer<T>) {
            using element = std::remove_cv_t<typename T::element_type>;
            return in.get<bool>() ? T(new element(in.get<element>())) : T();
        } else if constexpr (is_specialization<T, std::variant>) {
            return decode_variant(in, std::make_index_sequence<std::variant_size_v<T>>{});
        } else if constexpr (std::is_aggregate_v<T>) {
            return with_indices<boost::pfr::tuple_size_v<T>>([&]<std::size_t... I>(
                std::index_sequence<I...>) { return T{in.get<boost::pfr::tuple_element_t<I, T>>()...}; });
        } else {
            return decode_with_serialize(in);
        }
    }

private:
    static constexpr bool tuple_like_array = container<T> && requires { std::tuple_size<T>::value; };

    static T decode_with_serialize(decoder& in) {
        static_assert(
            std::is_default_constructible_v<T>,
            "a class with a serialize needs a default constructor to be rebuilt in another process: what "
            "arrives is constructed first, then loaded");
        if constexpr (std::is_default_constructible_v<T>) {
            T value;
            call_serialize(in, value);
            return value;
        } else {
            std::terminate();
        }
    }

    template <std::size_t... I>
    static T decode_variant(decoder& in, std::index_sequence<I...>) {
        const std::size_t index = get_size(in);
        std::optional<T> result;
        const bool known =
            ((index == I &&
              (result.emplace(std::in_place_index<I>, in.get<std::variant_alternative_t<I, T>>()), true)) ||
             ...);
        if (!known) {
            throw decode_failed("the bytes name an alternative that the variant does not have");
        }
        return std::move(*result);
    }
};

/// Refuses here a type that does not travel, not only where the first value of it is sent.
template <class T>
void must_travel() {
    (void)&codec<T>::encode;
    (void)&codec<T>::decode;
}

/// As `decode`, into an object that exists already. Throws `decode_failed`, `resource_error`.
template <class T>
void decode_into(std::span<const std::byte> bytes, T& result) {
    if constexpr (block_container<T>) {
        try {
            decoder in(bytes);
            decode_block(in, result);
            in.finish();
        } catch (const std::bad_alloc&) {
            throw_no_memory("decode", bytes.size());
        }
    } else {
        result = decode<T>(bytes);
    }
}

/// What several encoded vectors hold, one behind the other. Throws `decode_failed`, `resource_error`.
template <class Element>
void decode_chunks(std::span<const std::span<const std::byte>> chunks, std::vector<Element>& whole) {
    whole.clear();
    if constexpr (block_container<std::vector<Element>>) {
        std::vector<raw_block<Element>> blocks;
        std::size_t size = 0;
        for (const auto chunk : chunks) {
            decoder in(chunk);
            blocks.push_back(take_block<Element>(in));
            in.finish();
            size += blocks.back().size();
        }
        whole.reserve(size);
        for (const auto& block : blocks) {
            whole.insert(whole.end(), block.begin(), block.end());
        }
    } else {
        for (const auto chunk : chunks) {
            auto part = decode<std::vector<Element>>(chunk);
            whole.insert(whole.end(), std::move_iterator(part.begin()), std::move_iterator(part.end()));
        }
    }
}

template <class T>
concept c_string = std::same_as < std::decay_t<T>,
const char* > || std::same_as<std::decay_t<T>, char*>;

/// The type in which a value of type T travels when nothing else says what it should be.
template <class T>
struct travels_as {
    using type = std::decay_t<T>;
};
template <c_string T>
struct travels_as<T> {
    using type = std::string;
};
template <class T>
using travels_as_t = typename travels_as<T>::type;

} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
