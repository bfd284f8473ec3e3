// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/object_call.hpp>
#include <multiprocessing/future.hpp>
#include <multiprocessing/pool_options.hpp>

#include <chrono>
#include <concepts>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// What becomes of an actor whose process has died.
enum class restart {
    none,  ///< it is gone: calls that had not begun, and further ones, fail with `worker_died`
    fresh, ///< another process constructs the object anew, from what the first one was constructed from
};

/// How an actor is made.
struct actor_options {
    std::string name{}; ///< of the process, shown by `ps` and debuggers; "worker-N" when empty
    multiprocessing::restart restart = multiprocessing::restart::none; ///< when its process has died
    std::optional<multiprocessing::start_method> start_method{};       ///< empty: `get_start_method`
};

namespace detail {

/// What an `actor<T>` is a handle to, in bytes: the actor itself, or, in another process than the one that
/// made it, the way to it. Thread-safe.
class actor_core {
public:
    virtual ~actor_core() = default;
    /// Where to encode large arguments; null: anywhere.
    virtual memory_source* memory() noexcept = 0;
    virtual void submit(call&& function, std::shared_ptr<completion> completion,
                        const task_options& options) = 0;
    virtual void close() = 0;
    virtual void terminate() = 0;
    /// False when the limit came first.
    virtual bool join(const wait_limit& limit) = 0;
    virtual long pid() = 0;
    /// What `find_actor` finds it by, in any process. Throws `resource_error`.
    virtual const std::string& address() = 0;
    /// Not so in a copy of the process that made this object.
    [[nodiscard]] virtual bool is_made_here() const noexcept = 0;
};

/// Throws what the constructor of `pool` throws.
std::shared_ptr<actor_core> start_actor(const actor_options& options, call&& make_object);
/// Finds out at the first use whether there is one. Throws `decode_failed` when that is no address.
std::shared_ptr<actor_core> find_actor(const std::string& address);
/// The same actor as `core`, for the use of this process, which may be a copy of the one that has the handle.
/// Throws `std::logic_error` when it is a copy of the one that has the actor, made before anybody got its
/// address.
actor_core& in_this_process(const std::shared_ptr<actor_core>& core);

} // namespace detail

/// An object that lives in a process of its own, is constructed there, and is called from here. It never
/// leaves that process, and need be neither copyable nor movable.
///
/// A handle: copies, and copies sent to other processes, are the same actor, to be used by any number of
/// threads of any processes at once. The process that made it looks after it: when the last handle there is
/// destroyed the actor is terminated, whoever else has one or is about to get one. That must not happen in a
/// function given to `future::then`.
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
///
/// Through a handle in another process all members do the same. What concerns the actor's state is told by
/// the futures: `pool_closed` as well, and `actor_lost` once the process that made the actor has ended, or
/// destroyed its last handle. A process that ends with calls under way leaves them to be run, as one that
/// drops its futures does. A future's `cancel` asks, and its outcome tells what became of that. The first
/// call of a process connects it: a descriptor or two and a thread, until its last handle is gone and its
/// calls are complete; `resource_error` when it has none of these.
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

    /// A handle to the same actor.
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
    /// does the result. Waits while 1024 calls wait; in another process, while 1024 of that process are not
    /// complete; until `task_options::stop` is asked to (`wait_stopped`).
    ///
    /// Behind the object may come a `std::stop_token`, which tells when the call is cancelled or has timed
    /// out. A call that does not end then is stopped by ending the process, as any task.
    ///
    /// Throws `pool_closed` after `close` or `terminate`, and what encoding the arguments throws.
    /// In another process `not_encodable` for options with a `retry_if`, which does not travel.
    template <class F, class... Args>
    requires(!std::same_as<F, task_options>) auto call(const F& f, const Args&... args) const {
        return call(task_options{}, f, args...);
    }
    /// The same, treated as `options` say. One that is tried again waits behind the others.
    template <class F, class... Args>
    auto call(const task_options& options, const F& f, const Args&... args) const {
        using method = detail::method<T, std::decay_t<F>>;
        auto& core = here();
        auto state = std::make_shared<detail::completion>();
        core.submit(detail::make_call_in(core.memory(), method{f}, args...), state, options);
        return future<detail::remote_result_t<method, Args...>>(std::move(state));
    }

    /// No more calls, whoever makes them. The process ends when all are done. Does not wait.
    void close() const { here().close(); }
    /// Completes every unfinished call with `pool_terminated`, and ends the process: SIGTERM, and SIGKILL
    /// after half a second. Does not wait.
    void terminate() const { here().terminate(); }
    /// Waits until the process has ended. Throws `std::logic_error` unless `close` or `terminate` was called.
    void join() const { (void)here().join(detail::steady_time::max()); }
    /// The same, but false when it is asked to stop first, or at the end of that time.
    [[nodiscard]] bool join(std::stop_token stop) const { return here().join(std::move(stop)); }
    template <class Rep, class Period>
    [[nodiscard]] bool join_for(std::chrono::duration<Rep, Period> duration,
                                std::stop_token stop = {}) const {
        return here().join({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool join_until(std::chrono::time_point<Clock, Duration> time,
                                  std::stop_token stop = {}) const {
        return here().join({detail::on_steady_clock(time), std::move(stop)});
    }

    /// The process id; 0 when there is no process, since it has ended and no other has been started yet. In
    /// another process than the one that made the actor, this has to ask there, as `join` does: not in a
    /// function given to `future::then`.
    [[nodiscard]] long pid() const { return here().pid(); }
    /// Whether there is a process now.
    [[nodiscard]] bool is_alive() const { return pid() != 0; }

private:
    friend struct detail::codec<actor>;

    explicit actor(std::shared_ptr<detail::actor_core> core) : core_(std::move(core)) {}

    template <class Factory, class... Args>
    static std::shared_ptr<detail::actor_core> start(const actor_options& options, const Factory& factory,
                                                     const Args&... args) {
        return detail::start_actor(options, detail::make_call(factory, args...));
    }

    [[nodiscard]] detail::actor_core& here() const { return detail::in_this_process(core_); }

    std::shared_ptr<detail::actor_core> core_;
};

namespace detail {
/// An actor travels as its address.
template <class T>
struct codec<actor<T>> {
    static void encode(encoder& out, const actor<T>& value) { out.put(value.here().address()); }
    static actor<T> decode(decoder& in) { return actor<T>(find_actor(in.get<std::string>())); }
};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
