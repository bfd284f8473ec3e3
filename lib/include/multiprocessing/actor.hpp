// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/function.hpp>
#include <multiprocessing/future.hpp>
#include <multiprocessing/pool.hpp>

#include <concepts>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace multiprocessing {

/// What becomes of an actor whose process has died.
enum class restart {
    none,  ///< it is gone: calls that had not begun, and further ones, fail with `worker_died`
    fresh, ///< another process constructs the object anew, from what the first one was constructed from
};

struct actor_options {
    std::string name{}; ///< of the process, shown by `ps` and debuggers; "worker-N" when empty
    multiprocessing::restart restart = multiprocessing::restart::none;
    std::optional<multiprocessing::start_method> start_method{}; ///< empty: `get_start_method`
};

namespace detail {

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
        return T(std::forward<Args>(args)...);
    }
};

} // namespace detail

/// An object that lives in a process of its own, is constructed there, and is called from here. It never
/// leaves that process, and need be neither copyable nor movable.
///
/// A handle: copies are the same actor, to be used by any number of threads at once, within the process that
/// made it (a handle does not travel to others). When the last one is destroyed the actor is terminated; that
/// must not happen in a function given to `future::then`.
///
/// Calls are run one at a time, on the thread that has constructed the object, those of one thread in the
/// order in which it has made them. An exception that leaves one is what its future throws, and the object
/// stays. When the process dies, the call that it was running fails with `worker_died`, which names it; with
/// `restart::none` so do all others, saying that they have not run, and with `restart::fresh` those go on, on
/// a new object.
///
/// What constructing the object throws is what each call throws, until the actor is closed. A process that
/// dies while it constructs the object is replaced, with `restart::fresh`, five times; then calls fail with
/// `worker_died`.
///
/// The object is destroyed at the end of a process that `close` has ended, as what has static lifetime is;
/// not in one that was terminated.
template <class T>
class actor {
    static_assert(std::is_object_v<T> && std::same_as<T, std::remove_cv_t<T>>,
                  "an actor is made of the type of an object, without const");
    template <class U>
    static constexpr bool is_argument = !std::same_as<U, actor> && !std::same_as<U, actor_options>;

public:
    /// Starts the process, and has it construct a T from the arguments, of which it gets copies; does not
    /// wait for that. Throws what the constructor of `pool` throws, and what encoding the arguments throws.
    actor() : actor(actor_options{}) {}
    template <class First, class... Rest>
    requires(is_argument<First>) explicit actor(const First& first, const Rest&... rest)
        : actor(actor_options{}, first, rest...) {}
    template <class... Args>
    explicit actor(const actor_options& options, const Args&... args)
        : actor(start(options, detail::factory<T, detail::constructor<T>>{}, args...)) {}

    actor(const actor&) = default; // there is no handle to nothing
    actor& operator=(const actor&) = default;
    ~actor() = default;

    /// One whose object is what `f(args...)` returns, there. So is each that replaces it, which may begin
    /// with what the one before has kept somewhere.
    template <class F, class... Args>
    requires(is_argument<F>) [[nodiscard]] static actor made_by(const F& f, const Args&... args) {
        return made_by(actor_options{}, f, args...);
    }
    template <class F, class... Args>
    [[nodiscard]] static actor made_by(const actor_options& options, const F& f, const Args&... args) {
        return actor(start(options, detail::factory<T, std::decay_t<F>>{f}, args...));
    }

    // Constant handles are to objects that can be changed, as constant pointers are.

    /// Has the object's process call `f` with the object and the arguments: a member function of T, or
    /// anything that a pool can call and takes a T& first. Arguments travel as those of a task do, and so
    /// does the result. Waits while 1024 calls wait.
    ///
    /// Behind the object may come a `std::stop_token`, which tells when the call is cancelled or has timed
    /// out. A call that does not end then is stopped by ending the process, as any task.
    ///
    /// Throws `pool_closed` after `close` or `terminate`, and what encoding the arguments throws.
    template <class F, class... Args>
    requires(!std::same_as<F, task_options>) auto call(const F& f, const Args&... args) const {
        return call(task_options{}, f, args...);
    }
    /// The same, treated as `options` say. One that is tried again waits behind the others.
    template <class F, class... Args>
    auto call(const task_options& options, const F& f, const Args&... args) const {
        return pool_->apply_async(options, detail::method<T, std::decay_t<F>>{f}, args...);
    }

    /// No more calls. The process ends when all are done. Does not wait.
    void close() const { pool_->close(); }
    /// Completes every unfinished call with `pool_terminated`, and ends the process: SIGTERM, and SIGKILL
    /// after half a second. Does not wait.
    void terminate() const { pool_->terminate(); }
    /// Waits until the process has ended. Throws `std::logic_error` unless `close` or `terminate` was called.
    void join() const { pool_->join(); }

    /// The process id; 0 when there is no process, since it has ended and no other has been started yet.
    [[nodiscard]] long pid() const {
        const auto pids = pool_->pids();
        return pids.empty() ? 0 : pids.front();
    }
    /// Whether there is a process now.
    [[nodiscard]] bool is_alive() const { return pid() != 0; }

private:
    explicit actor(std::shared_ptr<pool> started) : pool_(std::move(started)) {}

    template <class Factory, class... Args>
    static std::shared_ptr<pool> start(const actor_options& options, const Factory& factory,
                                       const Args&... args) {
        auto started =
            std::make_shared<pool>(pool_options{.processes = 1,
                                                .start_method = options.start_method,
                                                .worker_name = options.name,
                                                .replace_workers = options.restart == restart::fresh});
        started->initializer(factory, args...);
        return started;
    }

    std::shared_ptr<pool> pool_; // of one worker
};

} // namespace multiprocessing
