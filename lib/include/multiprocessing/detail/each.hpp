// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/function.hpp>

#include <cstring>
#include <functional>
#include <memory>
#include <ranges>
#include <tuple>
#include <type_traits>

#pragma GCC visibility push(default)

/// One task that applies a function to each of several elements: what `map` and `starmap` cut their ranges
/// into.
namespace multiprocessing::detail {

template <class F, class Types>
struct each;

template <class F, class... T>
struct each<F, type_list<T...>> : invocation<F, type_list<T...>> {
    using typename invocation<F, type_list<T...>>::result;
    using results = std::conditional_t<std::is_void_v<result>, std::type_identity<void>,
                                       std::type_identity<std::vector<result>>>;

    /// Decodes a number of elements and encodes as many results, as a vector of them is encoded.
    static void entry(decoder& in, encoder& out) {
        F f = get_callable<F>(in);
        if constexpr (all_plain) {
            run_plain(f, in, out);
        } else {
            run(f, in, out);
        }
    }

private:
    using invocation<F, type_list<T...>>::call_with_next;
    using invocation<F, type_list<T...>>::invoke_with;
    static constexpr bool all_plain = sizeof...(T) == 1 && (plain_bytes<T> && ...) && plain_bytes<result>;

    static void run(F& f, decoder& in, encoder& out) {
        const std::size_t count = get_size(in);
        if constexpr (!std::is_void_v<result>) {
            put_size(out, count);
        }
        for (std::size_t i = 0; i != count; ++i) {
            const auto before = out.size();
            call_with_next(f, in, out);
            if constexpr (!std::is_void_v<result>) {
                fill_empty_element(out, before);
            }
        }
    }

    /// The same for what travels as the bytes it consists of: hardly more than the calls.
    static void run_plain(F& f, decoder& in, encoder& out) {
        const auto arguments = take_block<T...>(in);
        put_size(out, arguments.size());
        auto* to = out.extend(arguments.size() * sizeof(result));
        const auto count = static_cast<std::ptrdiff_t>(arguments.size());
        for (raw_iterator<T...> from(arguments.bytes.data()), end = from + count; from != end; ++from) {
            auto argument = *from;
            const result value = invoke_with(f, argument);
            std::memcpy(to, &value, sizeof value);
            to += sizeof value;
        }
    }
};

/// One task that applies F to each of several elements, at least one, and combines the results by Reduce:
/// what `map_reduce` cuts its range into.
template <class F, class Reduce, class Types>
struct each_reduced;

template <class F, class Reduce, class... T>
struct each_reduced<F, Reduce, type_list<T...>> : invocation<F, type_list<T...>> {
    using typename invocation<F, type_list<T...>>::result;
    using results = std::type_identity<result>;
    static_assert(std::is_invocable_r_v<result, Reduce&, result, result>,
                  "what reduces is to take two values of the type that the function returns, and return one");

    static void entry(decoder& in, encoder& out) {
        F f = get_callable<F>(in);
        auto reduce = get_callable<Reduce>(in);
        auto count = get_size(in);
        result combined = next(f, in);
        while (--count != 0) {
            combined = std::invoke(reduce, std::move(combined), next(f, in));
        }
        out.put(combined);
    }

private:
    static result next(F& f, decoder& in) {
        std::tuple<T...> arguments{in.get<T>()...}; // braces: in this order
        return std::apply(
            [&](T&... argument) -> result {
                return invocation<F, type_list<T...>>::invoke_with(f, argument...);
            },
            arguments);
    }
};

/// How `map` hands an element to the function, and how `starmap` does.
enum class element_is { the_argument, a_tuple_of_arguments };

/// What stands in braces where a range is wanted, and the function has one signature.
template <element_is How, class Types>
struct braced_range;
template <class T>
struct braced_range<element_is::the_argument, type_list<T>> {
    using type = std::vector<T>;
};
template <class... T>
struct braced_range<element_is::a_tuple_of_arguments, type_list<T...>> {
    using type = std::vector<std::tuple<T...>>;
};
template <element_is How, class F>
using braced_range_t = typename braced_range<
    How, typename parameters_of<decltype(std::function(std::declval<std::decay_t<F>>()))>::type>::type;
template <class F>
using braced_arguments = braced_range_t<element_is::the_argument, F>;
template <class F>
using braced_tuples = braced_range_t<element_is::a_tuple_of_arguments, F>;

template <element_is How, class F, class Element>
struct each_of {
    using type = each<F, typename traveling_types<F, Element>::type>;
};
template <class F, class Tuple>
struct each_of<element_is::a_tuple_of_arguments, F, Tuple> {
    template <class>
    struct spread;
    template <std::size_t... I>
    struct spread<std::index_sequence<I...>> {
        using type = each<F, typename traveling_types<F, std::tuple_element_t<I, Tuple>...>::type>;
    };
    using type = typename spread<std::make_index_sequence<std::tuple_size_v<Tuple>>>::type;
};
template <element_is How, class F, class Range>
using each_of_t = typename each_of<How, std::decay_t<F>, std::ranges::range_value_t<Range>>::type;

template <element_is How, class F, class Range>
using result_for_each_t = typename each_of_t<How, F, Range>::result;
/// All of them: a vector, or nothing.
template <element_is How, class F, class Range>
using results_for_all_t = typename each_of_t<How, F, Range>::results::type;
template <class F, class Reduce, class Range>
using each_reduced_t =
    each_reduced<std::decay_t<F>, std::decay_t<Reduce>,
                 typename traveling_types<std::decay_t<F>, std::ranges::range_value_t<Range>>::type>;

template <element_is How, class... T, class Element>
void put_arguments_of(type_list<T...> types, encoder& out, const Element& element) {
    if constexpr (How == element_is::the_argument) {
        put_arguments(types, out, element);
    } else {
        std::apply([&](const auto&... argument) { put_arguments(types, out, argument...); }, element);
    }
}

/// Appends `count` elements from `position` on, and moves it behind them.
template <element_is How, class... T, class Iterator>
void put_elements(type_list<T...> types, encoder& out, Iterator& position, std::size_t count) {
    put_size(out, count);
    using element = std::iter_value_t<Iterator>;
    if constexpr (How == element_is::the_argument && std::contiguous_iterator<Iterator> &&
                  plain_bytes<element> && std::same_as<type_list<T...>, type_list<element>>) {
        out.save_binary(std::to_address(position), count * sizeof(element));
        position += static_cast<std::iter_difference_t<Iterator>>(count);
    } else {
        for (; count != 0; --count, ++position) {
            put_arguments_of<How>(types, out, *position);
        }
    }
}

} // namespace multiprocessing::detail

#pragma GCC visibility pop
