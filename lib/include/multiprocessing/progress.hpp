// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/progress_meter.hpp>
#include <multiprocessing/detail/pulled_range.hpp>
#include <multiprocessing/future.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>
#include <utility>

#pragma GCC visibility push(default)

/// How far work has got, on a terminal:
///
///     squares:  45% [###########............] 450/1000, 36.2/s, 0:12, 0:15 left
namespace multiprocessing {

/// How progress is shown. `MULTIPROCESSING_PROGRESS` in the environment may have the name of one of them,
/// which holds for the whole program, whatever its options are.
enum class progress_style : std::uint8_t {
    adaptive, ///< `bar` on a terminal, unless `TERM` is "dumb", and `lines` elsewhere
    bar,      ///< one line that is drawn again and again, as wide as the terminal is at that time
    lines,    ///< a line of text now and then, and one at the end
    none,     ///< nothing at all
};

/// What `progress` shows, and where.
struct progress_options {
    std::string description{};          ///< what it is that gets on
    std::optional<std::size_t> total{}; ///< how many there will be; empty: as many as the range knows
    progress_style style = progress_style::adaptive; ///< how it is shown
    /// How often, at most; empty: ten times a second for a bar, every five seconds for lines.
    std::optional<std::chrono::nanoseconds> interval{};
    int descriptor = 2; ///< where: standard error, so that what a program prints stays what it was
};

namespace detail {

/// The elements of a range, and shows how many there were. `Range` is a reference where that is an lvalue.
template <class Range>
class progress_source {
public:
    using value_type = std::ranges::range_value_t<Range>;

    progress_source(Range&& range, const progress_options& options)
        : meter_(std::make_unique<progress_meter>(options, expected_size(range))),
          range_(std::forward<Range>(range)) {}

    bool advance() {
        meter_->show(count_);
        if (!position_) { // may throw, and is then to be done again
            position_.emplace(std::ranges::begin(range_));
        } else {
            ++*position_;
        }
        if (*position_ == std::ranges::end(range_)) {
            meter_->finish();
            return false;
        }
        meter_->show(++count_);
        return true;
    }
    decltype(auto) current() { return **position_; }

private:
    std::unique_ptr<progress_meter> meter_;
    Range range_;
    std::optional<std::ranges::iterator_t<Range>> position_;
    std::size_t count_ = 0;
};

template <class Range>
using progress_range = pulled_range<progress_source<Range>>;

} // namespace detail

/// The elements of a range, and meanwhile shows how many have come, as in
///
///     for (int& square : mp::progress(pool.imap(f, numbers), {.description = "squares"})) use(square);
///     for (auto& done : mp::progress(mp::as_completed(futures))) use(done.get());
///
/// An input range, to be iterated over once, that refers to an lvalue, and owns an rvalue. It shows the first
/// state when iterating begins, others when elements come, and the last at the end, or when it is destroyed
/// because the loop was left; what the range throws goes on to the caller. Ctrl-C, where it ends the program,
/// ends the line first. Throws `std::invalid_argument` for an interval that is negative.
///
/// What the pool's workers write to standard error, and the log, take the bar's line, which then is drawn
/// below them. What else is written to that terminal meanwhile appears behind the bar.
template <std::ranges::input_range Range>
[[nodiscard]] detail::progress_range<Range> progress(Range&& range, const progress_options& options = {}) {
    return detail::progress_range<Range>(std::in_place, std::forward<Range>(range), options);
}

/// Waits for a future, and meanwhile shows how many of the tasks it is made of are done, as in
///
///     auto squares = mp::progress(pool.map_async(f, numbers)).get();
///
/// Returns the same future, which is ready. The tasks of a `map_async` are its chunks. It looks a hundred
/// times a second at most, whatever the interval is. Throws `wait_stopped` when it is asked to stop first,
/// and the future stays where it was; `std::logic_error` when there is no outcome to wait for; and
/// `std::invalid_argument` for an interval that is negative.
template <class R>
[[nodiscard]] future<R> progress(future<R>&& awaited, const progress_options& options = {},
                                 const std::stop_token& stop = {}) {
    constexpr std::chrono::nanoseconds shortest_wait = std::chrono::milliseconds(10);
    const auto& state = *detail::outcome_of(awaited);
    detail::progress_meter meter(options, state.parts());
    do {
        meter.show(state.parts_done());
        if (stop.stop_requested() && !awaited.ready()) {
            throw wait_stopped("a wait for a future was asked to stop");
        }
    } while (!awaited.wait_for(std::max(meter.interval(), shortest_wait), stop));
    meter.show(state.parts_done());
    return std::move(awaited);
}

} // namespace multiprocessing

#pragma GCC visibility pop
