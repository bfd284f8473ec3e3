// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <boost/system/result.hpp>
#include <chrono>
#include <concepts>
#include <exception>
#include <future>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing {

/// A value, or the exception that there is instead of one: `boost::system::result`.
template <class R>
using result = boost::system::result<R, std::exception_ptr>;

/// The outcome of work given to a pool, some day. Move-only; every future completes, whatever dies.
///
/// Dropping a future does not stop the work. Members other than `valid`, assignment and destruction throw
/// `std::logic_error` when there is no outcome to wait for (default-constructed, moved from, already taken).
/// Threads: different futures are independent; one future is used by one thread at a time.
template <class R>
class future {
public:
    /// No outcome to wait for; so is what has been moved from.
    future() = default;
    future(future&&) noexcept = default;
    future& operator=(future&&) noexcept = default;
    /// For the library's own use.
    explicit future(std::shared_ptr<detail::completion> state) : state_(std::move(state)) {}

    /// Waits for the outcome and takes it: the value, or the error as an exception. Once only.
    R get() {
        const auto state = take_state();
        state->wait_for_success();
        if constexpr (!std::is_void_v<R>) {
            return assemble(*state);
        }
    }

    /// As `get`, into an object that exists already: the memory that a vector or string of plain elements has
    /// is used again, and touching fresh memory costs more than copying. An error leaves it as it is, unless
    /// it is `decode_failed` or `resource_error`.
    template <std::same_as<R> Destination>
    Destination& get_into(Destination& destination) {
        const auto state = take_state();
        state->wait_for_success();
        assemble_into(destination, *state);
        return destination;
    }

    /// As `get`, with an error returned instead of thrown.
    [[nodiscard]] result<R> try_get() {
        check();
        try {
            if constexpr (std::is_void_v<R>) {
                get();
                return {};
            } else {
                return get();
            }
        } catch (...) {
            return std::current_exception();
        }
    }

    /// As `get`, but throws `wait_stopped` when it is asked to stop first; the future is then as before.
    R get(const std::stop_token& stop) {
        if (!wait(stop)) {
            throw wait_stopped("a wait for a future was asked to stop");
        }
        return get();
    }

    /// Waits until the outcome is there.
    void wait() const { check().wait(); }
    /// The same, but false when it is asked to stop first.
    [[nodiscard]] bool wait(std::stop_token stop) const { return wait_before(std::move(stop)); }

    /// Waits at most so long, and until it is asked to stop; whether the outcome is there.
    template <class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> duration,
                                std::stop_token stop = {}) const {
        return wait_before({detail::deadline_after(duration), std::move(stop)});
    }
    template <class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> time,
                                  std::stop_token stop = {}) const {
        return wait_before({detail::on_steady_clock(time), std::move(stop)});
    }

    /// Whether there is an outcome to wait for: false when default-constructed, moved from, or already taken.
    [[nodiscard]] bool valid() const noexcept { return state_ != nullptr; }
    /// Whether `get` would not wait.
    [[nodiscard]] bool ready() const { return check().ready(); }
    /// Whether `get` would return a value. Throws `std::logic_error` while the outcome is not there.
    [[nodiscard]] bool successful() const {
        if (!ready()) {
            throw std::logic_error("multiprocessing::future::successful: the outcome is not there yet");
        }
        return state_->succeeded();
    }
    /// What the task has printed on its standard output and error, if it was submitted with
    /// `task_options::capture`: until it returned or threw, or until its worker died, was stopped or killed;
    /// the first `most_captured` bytes of it, and only of its last attempt. Ask before `get`, which takes the
    /// outcome away. Throws `std::logic_error` while the outcome is not there.
    [[nodiscard]] std::string output() const {
        if (!ready()) {
            throw std::logic_error("multiprocessing::future::output: the outcome is not there yet");
        }
        return state_->output();
    }

    /// Has the work stopped, unless it is complete: then false. What no worker has begun never will be; a
    /// running task is asked to end if it takes a `std::stop_token`, and after its grace period its worker is
    /// ended and replaced. The outcome is `task_cancelled`, once nothing runs any more. Does not wait for
    /// that.
    bool cancel() { return check().cancel(); }

    /// Hands the completed future to `callback` once the outcome is there; this one is then no longer valid.
    /// It runs on the thread that completes the task, mostly the pool's own, or at once when the outcome is
    /// already there: it must not wait for other tasks nor destroy the pool, and an exception leaving it ends
    /// the program
    /// (`std::terminate`).
    template <std::invocable<future<R>> Callback>
    void then(Callback callback) {
        auto state = take_state();
        auto action = std::make_shared<Callback>(std::move(callback));
        auto* completion =
            state.get(); // the hook must not own what owns the hook, but for as long as it is there
        completion->on_ready(
            [state = std::move(state), action = std::move(action)]() noexcept { (*action)(future(state)); });
    }

    /// The same future for those who work with the standard library's, as in
    ///
    ///     std::future<int> f = pool.apply_async(g, x);
    ///
    /// This one is then no longer valid. Values are decoded where `then` runs its callback.
    operator std::future<R>() && { // NOLINT: implicit, since nothing is lost but `cancel`
        std::promise<R> outcome;
        auto same = outcome.get_future();
        std::move(*this).then([outcome = std::move(outcome)](future<R> done) mutable {
            try {
                if constexpr (std::is_void_v<R>) {
                    done.get();
                    outcome.set_value();
                } else {
                    outcome.set_value(done.get());
                }
            } catch (...) {
                outcome.set_exception(std::current_exception());
            }
        });
        return same;
    }

    /// For the library's own use.
    [[nodiscard]] const std::shared_ptr<detail::completion>& state() const noexcept { return state_; }

private:
    static R assemble(const detail::completion& state) {
        if constexpr (detail::is_specialization<R, std::vector>) {
            if (state.parts() != 1) { // a map, in chunks
                R whole;
                assemble_into(whole, state);
                return whole;
            }
        }
        return decode<R>(state.value_of(0));
    }

    template <class Whole>
    static void assemble_into(Whole& whole, const detail::completion& state) {
        if (state.parts() == 1) {
            detail::decode_into(state.value_of(0), whole);
        } else if constexpr (detail::is_specialization<Whole, std::vector>) { // a map, in chunks
            std::vector<std::span<const std::byte>> chunks;
            for (std::size_t part = 0; part != state.parts(); ++part) {
                chunks.push_back(state.value_of(part));
            }
            detail::decode_chunks(chunks, whole);
        } else {
            throw decode_failed("a single value arrived in several parts");
        }
    }

    detail::completion& check() const {
        if (!state_) {
            throw std::logic_error(
                "multiprocessing::future: there is no outcome to wait for: get, try_get or then has taken "
                "it, or the future is empty");
        }
        return *state_;
    }

    bool wait_before(const detail::wait_limit& limit) const {
        check();
        return detail::wait_for_one(state_, limit);
    }

    std::shared_ptr<detail::completion> take_state() {
        check();
        return std::exchange(state_, nullptr);
    }

    std::shared_ptr<detail::completion> state_;
};

namespace detail {
/// What a future waits for. Throws `std::logic_error` when it is not valid.
template <class Future>
const std::shared_ptr<completion>& outcome_of(const Future& future) {
    if (!future.valid()) {
        throw std::logic_error("multiprocessing: a future without an outcome to wait for");
    }
    return future.state();
}
template <class Futures>
std::vector<std::shared_ptr<completion>> outcomes_of(Futures& futures) {
    std::vector<std::shared_ptr<completion>> outcomes;
    for (const auto& future : futures) {
        outcomes.push_back(outcome_of(future));
    }
    return outcomes;
}

template <class Futures>
bool wait_for_all_futures(Futures& futures, const wait_limit& limit) {
    return std::ranges::all_of(outcomes_of(futures),
                               [&](const auto& outcome) { return wait_for_one(outcome, limit); });
}

/// Empty when the limit came first.
inline std::optional<std::size_t> wait_for_any_future(std::vector<std::shared_ptr<completion>> outcomes,
                                                      const wait_limit& limit) {
    if (outcomes.empty()) {
        throw std::invalid_argument("multiprocessing::wait_any: no futures to wait for");
    }
    return completion_order(std::move(outcomes)).next(limit);
}
} // namespace detail

/// Waits until all of a range of futures are ready. Throws `std::logic_error` when one of them is not valid.
template <std::ranges::input_range Futures>
void wait_all(Futures&& futures) {
    for (const auto& future : futures) {
        future.wait();
    }
}
template <class... R>
void wait_all(const future<R>&... futures) {
    (futures.wait(), ...);
}
/// Waits at most so long, and until it is asked to stop; whether all are ready.
template <std::ranges::input_range Futures>
[[nodiscard]] bool wait_all(Futures&& futures, std::stop_token stop) {
    return detail::wait_for_all_futures(futures, std::move(stop));
}
template <class... R>
[[nodiscard]] bool wait_all(const std::stop_token& stop, const future<R>&... futures) {
    return (futures.wait(stop) && ...);
}
template <std::ranges::input_range Futures, class Rep, class Period>
[[nodiscard]] bool wait_all_for(Futures&& futures, std::chrono::duration<Rep, Period> duration,
                                std::stop_token stop = {}) {
    return detail::wait_for_all_futures(futures, {detail::deadline_after(duration), std::move(stop)});
}
template <std::ranges::input_range Futures, class Clock, class Duration>
[[nodiscard]] bool wait_all_until(Futures&& futures, std::chrono::time_point<Clock, Duration> time,
                                  std::stop_token stop = {}) {
    return detail::wait_for_all_futures(futures, {detail::on_steady_clock(time), std::move(stop)});
}

/// Waits until one of a range of futures is ready and returns its index. Throws `std::invalid_argument` when
/// there are none, `std::logic_error` when one of them is not valid. Looks at all of them: who wants one
/// after the other takes `as_completed`.
template <std::ranges::input_range Futures>
std::size_t wait_any(Futures&& futures) {
    return *detail::wait_for_any_future(detail::outcomes_of(futures), detail::steady_time::max());
}
template <class First, class... R>
std::size_t wait_any(const future<First>& first, const future<R>&... others) {
    return *detail::wait_for_any_future({detail::outcome_of(first), detail::outcome_of(others)...},
                                        detail::steady_time::max());
}
/// The same, but empty when none is ready within that time, or when it is asked to stop first.
template <std::ranges::input_range Futures>
[[nodiscard]] std::optional<std::size_t> wait_any(Futures&& futures, std::stop_token stop) {
    return detail::wait_for_any_future(detail::outcomes_of(futures), std::move(stop));
}
template <class First, class... R>
[[nodiscard]] std::optional<std::size_t> wait_any(std::stop_token stop, const future<First>& first,
                                                  const future<R>&... others) {
    return detail::wait_for_any_future({detail::outcome_of(first), detail::outcome_of(others)...},
                                       std::move(stop));
}
template <std::ranges::input_range Futures, class Rep, class Period>
[[nodiscard]] std::optional<std::size_t>
wait_any_for(Futures&& futures, std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
    return detail::wait_for_any_future(detail::outcomes_of(futures),
                                       {detail::deadline_after(duration), std::move(stop)});
}
template <std::ranges::input_range Futures, class Clock, class Duration>
[[nodiscard]] std::optional<std::size_t>
wait_any_until(Futures&& futures, std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
    return detail::wait_for_any_future(detail::outcomes_of(futures),
                                       {detail::on_steady_clock(time), std::move(stop)});
}

} // namespace multiprocessing

#pragma GCC visibility pop
