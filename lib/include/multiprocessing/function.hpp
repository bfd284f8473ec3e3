// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/serialize.hpp>

#include <bit>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#ifndef __cpp_rtti
#    error                                                                                                   \
        "multiprocessing: what is called in other processes has a name, which takes RTTI: compile without -fno-rtti"
#endif

#pragma GCC visibility push(default)

/// How a callable and its arguments travel: as the place of a function in the program's code, the callable's
/// own bytes, and the arguments' bytes.
namespace multiprocessing::detail {

/// Appends where `address`, a function's, lies: module and offset, which mean the same in every process of
/// this program. Throws `not_encodable` when it lies in no module (code made at run time).
void put_code_address(encoder& out, const void* address);

/// The address in this process. Loads the module when it is not loaded (a plug-in). Throws `decode_failed`
/// when there is no such module here, or it is another build of it.
const void* get_code_address(decoder& in);

/// What to call a function in messages, found out only when a message is written.
struct function_name {
    const void* address = nullptr;             ///< of a function, else null
    const std::type_info* type = nullptr;      ///< of a function object or pointer to virtual member
    std::shared_ptr<const std::string> told{}; ///< the name itself, where another process has said it
    [[nodiscard]] std::string text() const;
};

/// Of the task that this process runs for a pool; elsewhere one that is never asked to stop.
[[nodiscard]] std::stop_token current_stop_token();

/// Runs in the other process: decodes a callable and its arguments, calls it, encodes what it returns.
using entry_point = void (*)(decoder& in, encoder& out);

/// A function to be called elsewhere: all that is needed, as bytes.
struct call {
    /// Many bytes go into `memory`, unless that is null. An aggregate would be filled with zeros first.
    explicit call(memory_source* memory = nullptr) noexcept : encoded(memory) {}

    bytes encoded; ///< place of the entry point, callable, arguments
    std::vector<std::shared_ptr<const void>>
        kept{}; ///< must live until the other process has decoded the arguments
    function_name function{};
    bool takes_stop_token = false;            ///< the callable sees when it is asked to stop
    std::shared_ptr<inheritance> inherited{}; ///< descriptors among the arguments, if a new process gets them
};

/// Decodes and runs a `call::encoded`, appending what it returns to `out`. Throws what the function throws.
void run_call(decoder& in, encoder& out);

template <class F>
concept function_pointer = std::is_pointer_v<F> && std::is_function_v<std::remove_pointer_t<F>>;

/// A pointer to member function as the Itanium C++ ABI lays it out.
struct member_function_layout {
    std::uintptr_t function;
    std::ptrdiff_t adjustment;

    /// A virtual function is an index, the same in every process; the rest is an address.
    [[nodiscard]] bool is_virtual() const noexcept {
#if defined(__arm__) || defined(__aarch64__)
        return (adjustment & 1) != 0;
#else
        return (function & 1) != 0;
#endif
    }
};

template <class F>
void put_callable(encoder& out, const F& f) {
    if constexpr (function_pointer<F>) {
        put_code_address(out, reinterpret_cast<const void*>(f));
    } else if constexpr (std::is_member_function_pointer_v<F>) {
        const auto layout = std::bit_cast<member_function_layout>(f);
        out.put(layout);
        if (!layout.is_virtual()) {
            put_code_address(out, reinterpret_cast<const void*>(layout.function));
        }
    } else {
        out.put(f);
    }
}

template <class F>
F get_callable(decoder& in) {
    if constexpr (function_pointer<F>) {
        return reinterpret_cast<F>(const_cast<void*>(get_code_address(in)));
    } else if constexpr (std::is_member_function_pointer_v<F>) {
        auto layout = in.get<member_function_layout>();
        if (!layout.is_virtual()) {
            layout.function = reinterpret_cast<std::uintptr_t>(get_code_address(in));
        }
        return std::bit_cast<F>(layout);
    } else {
        return in.get<F>();
    }
}

template <class F>
function_name name_of(const F& f) {
    if constexpr (function_pointer<F>) {
        return {.address = reinterpret_cast<const void*>(f)};
    } else if constexpr (std::is_member_function_pointer_v<F>) {
        const auto layout = std::bit_cast<member_function_layout>(f);
        return layout.is_virtual() ? function_name{.type = &typeid(f)}
                                   : function_name{.address = reinterpret_cast<const void*>(layout.function)};
    } else {
        return {.type = &typeid(f)};
    }
}

template <class... T>
struct type_list {
    static constexpr std::size_t size = sizeof...(T);
};

/// A first parameter that is a stop token is not an argument: the worker provides it.
template <class... P>
struct without_stop_token {
    using type = type_list<P...>;
};
template <class... P>
struct without_stop_token<std::stop_token, P...> {
    using type = type_list<P...>;
};

template <class>
struct parameters_of;
template <class R, class... P>
struct parameters_of<std::function<R(P...)>> {
    static constexpr bool refers_to_non_const =
        (... || (std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>));
    using type = typename without_stop_token<std::remove_cvref_t<P>...>::type;
};

/// Parameter types are known where there is one signature: neither overloaded nor a template. What
/// std::function deduces for itself serves.
template <class F>
concept has_one_signature = requires(F f) {
    std::function(f);
};

/// In which types the arguments travel: those of the parameters where they are known.
template <class F, class... Args>
struct traveling_types {
    using type = type_list<travels_as_t<Args>...>;
};
template <has_one_signature F, class... Args>
requires(parameters_of<decltype(std::function(std::declval<F>()))>::type::size ==
         sizeof...(Args)) struct traveling_types<F, Args...>
    : parameters_of<decltype(std::function(std::declval<F>()))> {
};

/// Appends `value` as a T, without a copy where it is one.
template <class T, class U>
void put_as(encoder& out, const U& value) {
    if constexpr (std::same_as<T, U>) {
        out.put(value);
    } else {
        static_assert(std::is_convertible_v<const U&, T>,
                      "an argument does not convert to the type of the callable's parameter");
        if constexpr (std::is_convertible_v<const U&, T>) {
            const T converted = static_cast<T>(value);
            out.put(converted);
        }
    }
}

/// Whether an F wants to be given variables of its caller.
template <class F>
inline constexpr bool changes_arguments = false;
template <has_one_signature F>
inline constexpr bool changes_arguments<F> =
    parameters_of<decltype(std::function(std::declval<F>()))>::refers_to_non_const;

/// What F gives for arguments T, with or without a stop token in front of them. Where it cannot be called
/// with either, the compiler says so, and takes it that nothing comes of it, to say no more.
template <class F, class... T>
auto find_result() {
    if constexpr (std::is_invocable_v<F&, T...>) {
        return std::type_identity<std::invoke_result_t<F&, T...>>();
    } else if constexpr (std::is_invocable_v<F&, std::stop_token, T...>) {
        return std::type_identity<std::invoke_result_t<F&, std::stop_token, T...>>();
    } else {
        static_assert(!changes_arguments<F>,
                      "a parameter that refers to non-const would refer to a copy in another process: return "
                      "the new value instead");
        static_assert(changes_arguments<F>,
                      "this callable cannot be called with these arguments (each is handed over as a "
                      "temporary)");
        return std::type_identity<void>();
    }
}

template <class F, class Types>
struct invocation;

/// Of what is called nowhere.
struct no_invocation {
    using result = void;
};

/// Calls an F with values of types T.
template <class F, class... T>
struct invocation<F, type_list<T...>> {
    using result = std::decay_t<typename decltype(find_result<F, T...>())::type>;
    static constexpr bool takes_stop_token =
        !std::is_invocable_v<F&, T...> && std::is_invocable_v<F&, std::stop_token, T...>;
    using types = type_list<T...>;

    static void entry(decoder& in, encoder& out) {
        F f = get_callable<F>(in);
        call_with_next(f, in, out);
    }

    static decltype(auto) invoke_with(F& f, T&... argument) {
        if constexpr (takes_stop_token) {
            return std::invoke(f, current_stop_token(), std::move(argument)...);
        } else if constexpr (std::is_invocable_v<F&, T...>) {
            return std::invoke(f, std::move(argument)...);
        }
    }

    /// Calls `f` with the next arguments in `in`.
    static void call_with_next(F& f, decoder& in, encoder& out) {
        std::tuple<T...> arguments{in.get<T>()...}; // braces: in this order
        const auto invoke = [&](T&... argument) -> decltype(auto) { return invoke_with(f, argument...); };
        if constexpr (std::is_void_v<result>) {
            std::apply(invoke, arguments);
        } else {
            put_as<result>(out, std::apply(invoke, arguments));
        }
    }
};

template <class F, class... Args>
using invocation_for = invocation<std::decay_t<F>, typename traveling_types<std::decay_t<F>, Args...>::type>;

/// What calling F with Args in another process gives.
template <class F, class... Args>
using remote_result_t = typename invocation_for<F, Args...>::result;

/// The call of `f` through `Invocation::entry`; `put_arguments` appends what that decodes behind the
/// callable. Many bytes go into `memory`, unless that is null, and must not outlive it.
template <class Invocation, class F, class PutArguments>
call make_call_through(memory_source* memory, const F& f, PutArguments&& put_arguments,
                       descriptor_carrier& carrier = carrier_of_arguments()) {
    call result(memory);
    result.function = name_of(f);
    result.takes_stop_token = Invocation::takes_stop_token;
    encoder out(result.encoded, &carrier);
    const entry_point entry = &Invocation::entry;
    put_code_address(out, reinterpret_cast<const void*>(entry));
    put_callable(out, f);
    put_arguments(out);
    result.kept = out.take_kept();
    return result;
}

template <class... T, class... Args>
void put_arguments(type_list<T...>, encoder& out, const Args&... args) {
    (put_as<T>(out, args), ...);
}

template <class F, class... Args>
call make_call_by(descriptor_carrier& carrier, memory_source* memory, const F& f, const Args&... args) {
    using types = typename traveling_types<std::decay_t<F>, Args...>::type;
    return make_call_through<invocation_for<F, Args...>>(
        memory, static_cast<const std::decay_t<F>&>(f),
        [&](encoder& out) { put_arguments(types{}, out, args...); }, carrier);
}

/// The call `f(args...)`. Throws what encoding them throws, `not_encodable` among them.
template <class F, class... Args>
call make_call_in(memory_source* memory, const F& f, const Args&... args) {
    return make_call_by(carrier_of_arguments(), memory, f, args...);
}
template <class F, class... Args>
call make_call(const F& f, const Args&... args) {
    return make_call_in(nullptr, f, args...);
}
/// The same, for a process that is to be started.
template <class F, class... Args>
call make_call_for_process(const F& f, const Args&... args) {
    auto inherited = std::make_shared<inheritance>();
    auto result = make_call_by(*inherited, nullptr, f, args...);
    result.inherited = std::move(inherited);
    return result;
}

} // namespace multiprocessing::detail

#pragma GCC visibility pop
