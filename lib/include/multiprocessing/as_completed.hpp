// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/pulled_range.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/future.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

/// Futures in the order in which they become ready.
namespace multiprocessing {

namespace detail {

/// Elements of a range that are futures, and are there to be referred to.
template <class Range>
concept range_of_futures =
    std::ranges::input_range<Range> && std::is_lvalue_reference_v<std::ranges::range_reference_t<Range>> &&
    is_specialization<std::ranges::range_value_t<Range>, future>;

/// `Futures` is a reference where they are an lvalue.
template <range_of_futures Futures>
class completed_source {
    using reference = std::ranges::range_reference_t<Futures>;

public:
    using value_type = std::ranges::range_value_t<Futures>;

    completed_source(Futures&& futures, wait_limit limit)
        : futures_(std::forward<Futures>(futures)),
          places_(places_of(futures_)),
          order_(outcomes_at(places_)),
          limit_(std::move(limit)) {}

    bool advance() {
        if (order_.left() == 0) {
            return false;
        }
        const auto next = order_.next(limit_);
        if (!next && limit_.stop.stop_requested()) {
            throw wait_stopped("as_completed was asked to stop");
        }
        if (!next) {
            throw wait_timed_out("the time is over, and " + std::to_string(order_.left()) + " of " +
                                 std::to_string(places_.size()) + " futures are not ready");
        }
        current_ = places_[*next];
        return true;
    }
    reference current() const noexcept { return *current_; }
    [[nodiscard]] std::optional<std::size_t> expected() const noexcept { return places_.size(); }

private:
    using place = std::add_pointer_t<reference>;

    static std::vector<place> places_of(Futures& futures) {
        std::vector<place> places;
        for (auto& future : futures) {
            places.push_back(std::addressof(future));
        }
        return places;
    }
    static std::vector<std::shared_ptr<completion>> outcomes_at(const std::vector<place>& places) {
        std::vector<std::shared_ptr<completion>> outcomes;
        for (const auto* future : places) {
            outcomes.push_back(outcome_of(*future));
        }
        return outcomes;
    }

    Futures futures_;
    std::vector<place> places_;
    completion_order order_;
    wait_limit limit_;
    place current_ = nullptr;
};

template <class Futures>
using completed_range = pulled_range<completed_source<Futures>>;

} // namespace detail

/// A range's futures, each as soon as it is ready, as in
///
///     for (mp::future<int>& f : mp::as_completed(futures)) use(f.get());
///
/// Those that are ready already come first. An input range, to be iterated over once, that refers to the
/// caller's futures, or owns them when it is made from an rvalue. Leaving early leaves the other futures as
/// they are. A step costs the same however many futures there are.
///
/// Meanwhile the range must stay where it is, and outlive this one; its futures may be moved from, taken and
/// cancelled. Throws `std::logic_error` when one of them is not valid.
template <detail::range_of_futures Futures>
[[nodiscard]] detail::completed_range<Futures> as_completed(Futures&& futures) {
    return detail::completed_range<Futures>(std::in_place, std::forward<Futures>(futures),
                                            detail::steady_time::max());
}
/// The same, but incrementing, and `begin`, throw `wait_timed_out` when no other future is ready by the end
/// of that time, which begins here, and `wait_stopped` when they are asked to stop first. Those that are
/// ready come also then, and incrementing again looks again.
template <detail::range_of_futures Futures>
[[nodiscard]] detail::completed_range<Futures> as_completed(Futures&& futures, std::stop_token stop) {
    return detail::completed_range<Futures>(std::in_place, std::forward<Futures>(futures),
                                            detail::wait_limit(std::move(stop)));
}
template <detail::range_of_futures Futures, class Rep, class Period>
[[nodiscard]] detail::completed_range<Futures>
as_completed(Futures&& futures, std::chrono::duration<Rep, Period> duration, std::stop_token stop = {}) {
    return detail::completed_range<Futures>(
        std::in_place, std::forward<Futures>(futures),
        detail::wait_limit(detail::deadline_after(duration), std::move(stop)));
}
template <detail::range_of_futures Futures, class Clock, class Duration>
[[nodiscard]] detail::completed_range<Futures>
as_completed(Futures&& futures, std::chrono::time_point<Clock, Duration> time, std::stop_token stop = {}) {
    return detail::completed_range<Futures>(
        std::in_place, std::forward<Futures>(futures),
        detail::wait_limit(detail::on_steady_clock(time), std::move(stop)));
}

} // namespace multiprocessing

#pragma GCC visibility pop
