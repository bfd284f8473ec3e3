// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/future.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>
#include <variant>

/// The ranges that `pool::imap` and `pool::imap_unordered` return.
namespace multiprocessing {

namespace detail {

/// The futures of an `imap`, in the order of the input.
template <class R>
class ordered_futures {
public:
    void push(future<R> next) { futures_.push_back(std::move(next)); }
    future<R> pop() {
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
    future<R> pop() {
        return std::move(futures_.extract(*arrived_->pop(detail::steady_time::max())).mapped());
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

} // namespace detail

/// The results of applying a function to each element of a range, in a pool, while they are being computed:
/// an input range, to be iterated over once. A bounded number of elements is in flight, so the input may be
/// endless; it is read by the thread that iterates. Incrementing waits for the next result, and throws a
/// failed task's error; incrementing again goes on behind it. Leaving early, which is destroying the range
/// before its end, cancels what is in flight, as `future::cancel` does. A function that returns nothing gives
/// `std::monostate`s.
template <class R, class Range, class Futures>
class result_range {
public:
    using value_type = std::conditional_t<std::is_void_v<R>, std::monostate, R>;
    using submit_function = std::function<future<R>(const std::ranges::range_value_t<Range>&)>;

    /// `Range` is a reference where the input is an lvalue, which then must outlive this object.
    result_range(Range&& input, std::size_t in_flight, submit_function submit)
        : input_(std::forward<Range>(input)), in_flight_(in_flight), submit_(std::move(submit)) {}
    ~result_range() { futures_.cancel(); }
    result_range(const result_range&) = delete;
    result_range& operator=(const result_range&) = delete;

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = result_range::value_type;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(result_range& owner) : owner_(&owner) {}
        value_type& operator*() const { return *owner_->current_; }
        iterator& operator++() {
            owner_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.ended(); }

    private:
        [[nodiscard]] bool ended() const noexcept { return owner_->ended_; }

        result_range* owner_ = nullptr;
    };

    iterator begin() {
        if (!position_) {
            position_.emplace(std::ranges::begin(input_));
            advance();
        }
        return iterator(*this);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

private:
    void advance() {
        while (futures_.size() < in_flight_ && *position_ != std::ranges::end(input_)) {
            futures_.push(submit_(**position_));
            ++*position_;
        }
        if (futures_.size() == 0) {
            ended_ = true;
            current_.reset();
            return;
        }
        auto next = futures_.pop();
        if constexpr (std::is_void_v<R>) {
            next.get();
            current_.emplace();
        } else {
            current_.emplace(next.get());
        }
    }

    Range input_;
    std::size_t in_flight_;
    submit_function submit_;
    std::optional<std::ranges::iterator_t<Range>> position_;
    Futures futures_;
    std::optional<value_type> current_;
    bool ended_ = false;
};

} // namespace multiprocessing
