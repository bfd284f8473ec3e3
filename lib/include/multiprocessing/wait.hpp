// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <span>
#include <stop_token>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

/// Waiting for several things of different kinds at once.
namespace multiprocessing {

/// Something to wait for: refers to an object, and is made from it where one is wanted.
class waitable {
public:
    /// A connection, ready when `poll` is true; a process, ready when it has ended; whatever else has an
    /// `int native_handle()`, ready when that is readable.
    template <class Object>
    requires requires(const Object& object) {
        { object.native_handle() } -> std::same_as<int>;
    }
    waitable(const Object& object) : descriptor_(object.native_handle()) {} // NOLINT: implicit

    /// A future, ready when `get` would not wait.
    template <class Future>
    requires requires(const Future& future) {
        { future.state() } -> std::convertible_to<std::shared_ptr<detail::completion>>;
    }
    waitable(const Future& future) : future_(future.state()), is_future_(true) {} // NOLINT: implicit

    /// For the library's own use.
    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    [[nodiscard]] bool is_future() const noexcept { return is_future_; }
    [[nodiscard]] const std::shared_ptr<detail::completion>& future() const noexcept { return future_; }

private:
    int descriptor_ = -1;
    std::shared_ptr<detail::completion> future_;
    bool is_future_ = false;
};

namespace detail {
std::vector<std::size_t> wait_for_ready(std::span<const waitable> objects, const wait_limit& limit);
}

/// Waits until at least one of the objects is ready, as in
///
///     for (std::size_t i : mp::wait({connection, process, future})) ...
///
/// and returns the indices of all that are, in order. Throws `std::invalid_argument` when there are none to
/// wait for, `std::logic_error` for a process that was not started or a future without an outcome to wait
/// for, and `resource_error`.
inline std::vector<std::size_t> wait(std::span<const waitable> objects) {
    return detail::wait_for_ready(objects, detail::steady_time::max());
}
inline std::vector<std::size_t> wait(std::initializer_list<waitable> objects) {
    return wait(std::span(objects.begin(), objects.size()));
}

/// The same, but none when none is ready within that time, or when it is asked to stop first.
[[nodiscard]] inline std::vector<std::size_t> wait(std::span<const waitable> objects, std::stop_token stop) {
    return detail::wait_for_ready(objects, std::move(stop));
}
[[nodiscard]] inline std::vector<std::size_t> wait(std::initializer_list<waitable> objects,
                                                   std::stop_token stop) {
    return wait(std::span(objects.begin(), objects.size()), std::move(stop));
}
template <class Rep, class Period>
[[nodiscard]] std::vector<std::size_t> wait_for(std::span<const waitable> objects,
                                                std::chrono::duration<Rep, Period> duration,
                                                std::stop_token stop = {}) {
    return detail::wait_for_ready(objects, {detail::deadline_after(duration), std::move(stop)});
}
template <class Rep, class Period>
[[nodiscard]] std::vector<std::size_t> wait_for(std::initializer_list<waitable> objects,
                                                std::chrono::duration<Rep, Period> duration,
                                                std::stop_token stop = {}) {
    return wait_for(std::span(objects.begin(), objects.size()), duration, std::move(stop));
}
template <class Clock, class Duration>
[[nodiscard]] std::vector<std::size_t> wait_until(std::span<const waitable> objects,
                                                  std::chrono::time_point<Clock, Duration> time,
                                                  std::stop_token stop = {}) {
    return detail::wait_for_ready(objects, {detail::on_steady_clock(time), std::move(stop)});
}
template <class Clock, class Duration>
[[nodiscard]] std::vector<std::size_t> wait_until(std::initializer_list<waitable> objects,
                                                  std::chrono::time_point<Clock, Duration> time,
                                                  std::stop_token stop = {}) {
    return wait_until(std::span(objects.begin(), objects.size()), time, std::move(stop));
}

} // namespace multiprocessing

#pragma GCC visibility pop
