// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/function.hpp>

#include <cstdlib>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

/// How an actor's object is made and called, in the actor's process: callables that wrap the user's.
namespace multiprocessing::detail {

/// The object of an actor, in the actor's process.
template <class T>
class object_here {
public:
    /// Throws what constructing it has thrown.
    static T& get() {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        return *object_;
    }

    /// Whatever is there already is another actor's, whose process has forked this one.
    template <class Make>
    static void set(const Make& make) {
        object_ = nullptr;
        failure_ = nullptr;
        try {
            object_ = new T(make());
            std::atexit([] { delete object_; });
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

private:
    static inline T* object_ = nullptr;
    static inline std::exception_ptr failure_{};
};

/// Has the object do something.
template <class T>
struct on_the_object {
    template <class F, class... P>
    static auto call(F& f, P&&... p) -> std::invoke_result_t<F&, T&, P...> {
        return std::invoke(f, object_here<T>::get(), std::forward<P>(p)...);
    }
};

/// Makes the object of what a callable returns.
template <class T>
struct as_the_object {
    template <class F, class... P>
    static auto call(F& f, P&&... p) -> std::enable_if_t<std::is_invocable_v<F&, P...>> {
        object_here<T>::set([&]() -> decltype(auto) { return std::invoke(f, std::forward<P>(p)...); });
    }
};

/// A callable that is called in a certain way, and travels as it does by itself. The signature is that of the
/// whole; void where the callable has no single one.
template <class How, class F, class Signature>
struct called {
    F function;
    template <class... P>
    auto operator()(P&&... p) -> decltype(How::call(this->function, std::forward<P>(p)...)) {
        return How::call(function, std::forward<P>(p)...);
    }
};
template <class How, class F, class R, class... P>
struct called<How, F, R(P...)> {
    F function;
    R operator()(P... p) { return How::call(function, std::forward<P>(p)...); }
};

template <class How, class F, class Signature>
struct codec<called<How, F, Signature>> {
    static void encode(encoder& out, const called<How, F, Signature>& value) {
        put_callable(out, value.function);
    }
    static called<How, F, Signature> decode(decoder& in) { return {get_callable<F>(in)}; }
};
template <class How, class F, class Signature>
function_name name_of(const called<How, F, Signature>& f) {
    return name_of(f.function);
}

template <class Signature>
struct signature {
    using type = Signature;
};
// The signatures without the object. Those of pointers to noexcept functions convert to these.
template <class R, class T, class... P>
signature<R(P...)> without_object(R (T::*)(P...));
template <class R, class T, class... P>
signature<R(P...)> without_object(R (T::*)(P...) const);
template <class R, class T, class... P>
signature<R(P...)> without_object(R (T::*)(P...) &);
template <class R, class T, class... P>
signature<R(P...)> without_object(R (T::*)(P...) const&);
template <class R, class T, class... P>
signature<R(P...)> without_object(std::function<R(T, P...)>);

template <class F>
struct method_signature : signature<void> {};
template <class F>
requires std::is_member_function_pointer_v<F>
struct method_signature<F> : decltype(without_object(std::declval<F>())) {
};
template <has_one_signature F>
struct method_signature<F> : decltype(without_object(std::function(std::declval<F>()))) {};

template <class R, class... P>
signature<void(P...)> without_result(std::function<R(P...)>);

template <class F>
struct factory_signature : signature<void> {};
template <has_one_signature F>
struct factory_signature<F> : decltype(without_result(std::function(std::declval<F>()))) {};

template <class T, class F>
using method = called<on_the_object<T>, F, typename method_signature<F>::type>;
template <class T, class F>
using factory = called<as_the_object<T>, F, typename factory_signature<F>::type>;

/// The factory of an object that is constructed from arguments.
template <class T>
struct constructor {
    template <class... Args>
    T operator()(Args&&... args) const {
        static_assert(std::is_constructible_v<T, Args...>,
                      "an actor's object is not constructible from these arguments (each is handed over as a "
                      "temporary)");
        if constexpr (std::is_constructible_v<T, Args...>) {
            return T(std::forward<Args>(args)...);
        } else {
            std::terminate();
        }
    }
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
