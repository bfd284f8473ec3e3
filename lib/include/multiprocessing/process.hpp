// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/context.hpp>
#include <multiprocessing/detail/closure.hpp>
#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/function.hpp>
#include <multiprocessing/redirection.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// How to start a process.
struct process_options {
    std::string name{}; ///< "process-N" when empty; shown by `ps` and debuggers
    std::optional<multiprocessing::start_method> start_method{}; ///< empty: `get_start_method`, at the start
    redirection in{};                                            ///< what becomes its standard input
    redirection out{};                                           ///< its standard output
    redirection err{};                                           ///< its standard error
};

/// Says that a process is to be started by fork: then it can be any callable, with any arguments, and nothing
/// is encoded.
struct forked_t {
    /// What `forked` is.
    explicit constexpr forked_t(std::in_place_t) noexcept {} // {} is none
};
/// To be the first argument of a process that is to be forked.
inline constexpr forked_t forked{std::in_place};

namespace detail {
class child_process;
class child_streams;
} // namespace detail

/// A function that runs in a process of its own. Move-only.
///
/// The child runs the function and exits with 0. An exception that leaves the function is printed on the
/// child's stderr, and the exit code is 1; `std::exit(n)` gives n. The child ends when its parent is gone,
/// unless it was detached. What it has of the parent else depends on the start method: see `start_method`.
///
/// Threads: members other than `start`, `detach`, assignment and destruction may be called from several
/// threads at once; `terminate` and `kill` end a `join` that waits in another.
class process {
public:
    /// Prepares the call `f(args...)`; nothing is started. The README says what can be called and sent.
    /// Throws `not_encodable`, `resource_error` when there is no memory for the arguments, and what encoding
    /// them throws.
    template <class F, class... Args>
    requires(!std::same_as<std::decay_t<F>, process> && !std::same_as<std::decay_t<F>, process_options> &&
             !std::same_as<std::decay_t<F>, forked_t>) explicit process(F&& f, Args&&... args)
        : process(process_options{}, std::forward<F>(f), std::forward<Args>(args)...) {}

    /// The same, with options.
    template <class F, class... Args>
    process(process_options options, F&& f, Args&&... args)
        : process(std::move(options), detail::make_call_for_process(f, args...)) {}

    /// Prepares `f(args...)` for a child that is forked, and so has a copy of this process's memory: closures
    /// that own or refer to anything, arguments that can only be moved, `std::ref`. Both are kept as
    /// `std::thread` keeps them; what they refer to is in the child as it was here at the start.
    template <class F, class... Args>
    requires(!std::same_as<std::decay_t<F>, process_options>) process(forked_t, F&& f, Args&&... args)
        : process(process_options{}, detail::make_closure(std::forward<F>(f), std::forward<Args>(args)...)) {}
    /// Throws `std::invalid_argument` for options that want another start method.
    template <class F, class... Args>
    process(forked_t, process_options options, F&& f, Args&&... args)
        : process(std::move(options), detail::make_closure(std::forward<F>(f), std::forward<Args>(args)...)) {
    }

    /// Ends a child that was started and not joined: terminates it, kills it after a grace period of half a
    /// second, and reaps it. Bounded whatever the child does.
    ~process();
    /// What has been moved from can only be destroyed or assigned to.
    process(process&& other) noexcept;
    process& operator=(process&& other) noexcept;

    /// Starts the child; returns once it is there. Throws `not_initialized`, `start_failed`, which names the
    /// file when that is what could not be opened, `std::invalid_argument` for a redirection that makes no
    /// sense, and `std::logic_error` when it was started before, or was detached and has had connections, or
    /// writers of queues, for arguments.
    void start();

    /// Waits until the child has ended. Throws `std::logic_error` when it was not started.
    void join();
    /// Waits at most so long, and until it is asked to stop; whether the child has ended. With a stop token,
    /// throws `resource_error` when there is no descriptor.
    bool join(std::stop_token stop) { return join_before(std::move(stop)); }
    template <class Rep, class Period>
    bool join_for(std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
        return join_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    bool join_until(std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
        return join_before({detail::on_steady_clock(time), std::move(stop)});
    }

    /// Whether the child was started and has not ended.
    [[nodiscard]] bool is_alive() const;
    /// The child's process id; 0 before `start`.
    [[nodiscard]] long pid() const noexcept;
    /// What its options say, or "process-N".
    [[nodiscard]] const std::string& name() const noexcept { return options_.name; }
    /// A descriptor of the child (a pidfd) that becomes readable when it ends; -1 before `start`. Owned by
    /// this object.
    [[nodiscard]] int native_handle() const noexcept;

    /// Empty while it runs or before it was started; -N when signal N ended it; 255 when another part of the
    /// program reaped the child and so took the status.
    [[nodiscard]] std::optional<int> exit_code() const;

    /// The ends of the pipes that its options have asked for; valid for as long as this object, or the one
    /// that it is moved to, has the child. A child whose output nobody reads waits once the pipe is full,
    /// some 64 KiB: read before `join`, and where both outputs are pipes, use `communicate`. Each throws
    /// `std::logic_error` when it is no pipe, or the child was not started.
    [[nodiscard]] child_input& in();
    [[nodiscard]] child_output& out();
    [[nodiscard]] child_output& err();
    /// Writes `input` to the child and closes its standard input, reads all that it writes until its end, and
    /// joins it: cannot deadlock, whatever is written in which order. What is not a pipe is left alone. What
    /// the child does not read is dropped. Throws `std::logic_error` for an input without a pipe, or when the
    /// child was not started.
    process_output communicate(std::string_view input = {});

    /// Asks the child to end (SIGTERM), or ends it (SIGKILL). Harmless when it has ended. Throws
    /// `std::logic_error` when it was not started.
    void terminate();
    void kill();

    /// Lets the child outlive this process and this object, which afterwards is as one not started. One that
    /// ends first is a zombie until this process next starts another. Pipes to it are closed here. In a
    /// worker of a pool, which ends with all of its process group, only a child that has called `setsid`
    /// lives on. Throws `std::logic_error` when it was not started.
    void detach();

private:
    process(process_options options, detail::call call);
    process(process_options options, std::unique_ptr<detail::closure> function);
    bool join_before(const detail::wait_limit& limit);
    [[nodiscard]] detail::child_process& started() const;
    [[nodiscard]] detail::child_streams& streams() const;

    process_options options_;
    detail::call call_;
    std::unique_ptr<detail::closure> closure_; // instead
    std::unique_ptr<detail::child_process> child_;
    std::unique_ptr<detail::child_streams> streams_; // with it
};

namespace detail {
/// A descriptor like `native_handle`, which is the caller's. Throws `resource_error`, and `std::logic_error`
/// when there is none.
[[nodiscard]] int copy_of_handle(const process& child);
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
