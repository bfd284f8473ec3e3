// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/pulled_range.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/future.hpp>

#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <stop_token>
#include <type_traits>
#include <utility>
#include <variant>

#pragma GCC visibility push(default)

/// The ranges that `pool::imap` and `pool::imap_unordered` return.
namespace multiprocessing {

namespace detail {

/// The futures of an `imap`, in the order of the input.
template <class R>
class ordered_futures {
public:
    void push(future<R> next) { futures_.push_back(std::move(next)); }
    /// Empty when it was asked to stop first.
    std::optional<future<R>> pop(const std::stop_token& stop) {
        if (stop.stop_possible() && !futures_.front().wait(stop)) {
            return std::nullopt;
        }
        auto next = std::move(futures_.front());
        futures_.pop_front();
        return next;
    }
    [[nodiscard]] std::size_t size() const noexcept { return futures_.size(); }
    void cancel() {
        for (auto& each : futures_) {
            each.cancel();
        }
    }

private:
    std::deque<future<R>> futures_;
};

/// The futures of an `imap_unordered`, taken in the order in which they complete.
template <class R>
class unordered_futures {
public:
    void push(future<R> next) {
        const auto index = next_index_++;
        const auto state = next.state();
        futures_.emplace(index, std::move(next));
        state->on_ready([arrived = arrived_, index] { arrived->push(index); });
    }
    /// Empty when it was asked to stop first.
    std::optional<future<R>> pop(const std::stop_token& stop) {
        const auto index = arrived_->pop(stop);
        return index ? std::optional(std::move(futures_.extract(*index).mapped())) : std::nullopt;
    }
    [[nodiscard]] std::size_t size() const noexcept { return futures_.size(); }
    void cancel() {
        for (auto& [index, each] : futures_) {
            each.cancel();
        }
    }

private:
    std::shared_ptr<arrivals> arrived_ = std::make_shared<arrivals>();
    std::map<std::size_t, future<R>> futures_;
    std::size_t next_index_ = 0;
};

/// What is next to be submitted for each element of a range: a task for each, by `submit(element)`.
template <class R, class Range, class Submit>
class one_by_one {
public:
    using result = R;

    /// `Range` is a reference where the input is an lvalue.
    one_by_one(Range&& input, Submit submit)
        : input_(std::forward<Range>(input)), submit_(std::move(submit)) {}

    /// Empty at the end of the input.
    std::optional<future<R>> operator()() {
        if (!position_) {
            position_.emplace(std::ranges::begin(input_));
        }
        if (*position_ == std::ranges::end(input_)) {
            return std::nullopt;
        }
        auto next = submit_(**position_);
        ++*position_;
        return next;
    }
    [[nodiscard]] std::optional<std::size_t> expected() const { return expected_size(input_); }

private:
    Range input_;
    Submit submit_;
    std::optional<std::ranges::iterator_t<Range>> position_;
};

/// The results of the tasks that a Feed submits, a bounded number of them ahead.
template <class Feed, template <class> class Futures>
class result_source {
    using result = typename Feed::result;

public:
    using value_type = std::conditional_t<std::is_void_v<result>, std::monostate, result>;

    result_source(Feed feed, std::size_t in_flight, std::stop_token stop)
        : feed_(std::move(feed)), in_flight_(in_flight), stop_(std::move(stop)) {}
    ~result_source() { futures_.cancel(); }
    result_source(const result_source&) = delete;
    result_source& operator=(const result_source&) = delete;

    bool advance() {
        while (!is_fed_ && !stop_.stop_requested() && futures_.size() < in_flight_) {
            auto next = feed_();
            is_fed_ = !next;
            if (next) {
                futures_.push(std::move(*next));
            }
        }
        if (futures_.size() == 0 && is_fed_) {
            return false;
        }
        auto next = futures_.size() != 0 ? futures_.pop(stop_) : std::nullopt;
        if (!next) {
            throw wait_stopped("a wait for the next result was asked to stop");
        }
        if constexpr (std::is_void_v<result>) {
            next->get();
            current_.emplace();
        } else {
            current_.emplace(next->get());
        }
        return true;
    }
    value_type& current() noexcept { return *current_; }
    [[nodiscard]] std::optional<std::size_t> expected() const { return expected_size(feed_); }

private:
    Feed feed_;
    std::size_t in_flight_;
    std::stop_token stop_;
    Futures<result> futures_;
    bool is_fed_ = false; // nothing is left of the input
    std::optional<value_type> current_;
};

} // namespace detail

/// The results of applying a function to each element of a range, in a pool, while they are being computed:
/// an input range, to be iterated over once. A bounded number of elements is in flight, so the input may be
/// endless; it is read by the thread that iterates. Incrementing waits for the next result, and throws a
/// failed task's error; incrementing again goes on behind it. When it is asked to stop, the results that are
/// there still come, then it throws `wait_stopped`, and nothing more of the input is read. Leaving early,
/// which is destroying the range before its end, cancels what is in flight, as `future::cancel` does. A
/// function that returns nothing gives `std::monostate`s.
///
/// Move-only, and works with views: `pool.imap(f, input) | std::views::take(5)`. Views and algorithms wait
/// where they increment: behind its last element `take` waits for one more.
template <class Feed, template <class> class Futures>
using result_range = detail::pulled_range<detail::result_source<Feed, Futures>>;

} // namespace multiprocessing

#pragma GCC visibility pop
