// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// How many elements a range will have, where that is known.
template <class Range>
std::optional<std::size_t> expected_size(const Range& range) {
    if constexpr (requires { range.expected(); }) {
        return range.expected();
    } else if constexpr (std::ranges::sized_range<const Range>) {
        return static_cast<std::size_t>(std::ranges::size(range));
    } else {
        return std::nullopt;
    }
}

/// A range whose elements come one at a time from a Source, which has
///
///     bool advance();         // waits for the next element and makes it the current one; false: at the end
///     reference current();
///     using value_type = ...;
///     std::optional<std::size_t> expected() const; // how many come in all; may be missing
///
/// An input range, to be iterated over once. Move-only; moving it leaves its iterators valid. It is not a
/// view, so that `range | view` refers to a range that has a name, and owns one that has none.
template <class Source>
class pulled_range {
    struct state {
        Source source;
        bool has_begun = false;
        bool has_ended = false;

        void advance() { has_ended = !source.advance(); }
    };

public:
    using value_type = typename Source::value_type;

    /// With `Source(parts...)`.
    template <class... T>
    explicit pulled_range(std::in_place_t, T&&... parts)
        : state_(new state{Source(std::forward<T>(parts)...)}) {}

    class iterator {
    public:
        using iterator_concept = std::input_iterator_tag;
        using value_type = pulled_range::value_type;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        explicit iterator(state& of) : state_(&of) {}
        decltype(auto) operator*() const { return state_->source.current(); }
        iterator& operator++() {
            state_->advance();
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& it, std::default_sentinel_t) { return it.ended(); }

    private:
        [[nodiscard]] bool ended() const noexcept { return state_->has_ended; }

        state* state_ = nullptr;
    };

    /// Waits for the first element, when called for the first time.
    iterator begin() {
        if (!state_->has_begun) {
            state_->advance();
            state_->has_begun = true;
        }
        return iterator(*state_);
    }
    [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
    /// How many elements come in all, where that is known.
    [[nodiscard]] std::optional<std::size_t> expected() const { return expected_size(state_->source); }

private:
    std::unique_ptr<state> state_;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
