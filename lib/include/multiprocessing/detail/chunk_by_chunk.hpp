// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/each.hpp>
#include <multiprocessing/future.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <ranges>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// How many elements each chunk has, of a range whose length nobody knows: as many as asked for, or, for 0, a
/// certain share of those there were before. So few elements are spread over all workers, the chunks that are
/// the last to be finished are a small part of the whole, and many elements come in few chunks.
class chunk_sizes {
public:
    /// A chunk is one of `shares` of what was before it.
    chunk_sizes(std::size_t fixed, std::size_t shares) : fixed_(std::min(fixed, most)), shares_(shares) {}

    std::size_t next() {
        const auto size =
            fixed_ != 0 ? fixed_ : std::clamp<std::size_t>(before_ / shares_, 1, largest_automatic);
        before_ += size;
        return size;
    }

private:
    static constexpr std::size_t most = INT32_MAX; // any iterator can be moved so far
    /// Then a task's own cost no longer matters, however cheap the function is; larger ones cost memory.
    static constexpr std::size_t largest_automatic = 4096;

    std::size_t fixed_;
    std::size_t shares_;
    std::size_t before_ = 0;
};

/// What is next to be submitted for a range: a task for each chunk, by `submit(put_elements)`.
template <class R, element_is How, class Types, class Range, class Submit>
class chunk_by_chunk {
    using iterator = std::ranges::iterator_t<Range>;

public:
    using result = R;

    chunk_by_chunk(Range& input, chunk_sizes sizes, Submit submit)
        : position_(std::ranges::begin(input)),
          end_(std::ranges::end(input)),
          sizes_(sizes),
          submit_(std::move(submit)) {}

    /// Empty at the end of the input.
    std::optional<future<R>> operator()() {
        if (position_ == end_) {
            return std::nullopt;
        }
        const auto most = sizes_.next();
        if constexpr (std::forward_iterator<iterator>) {
            const auto behind =
                std::ranges::next(position_, static_cast<std::iter_difference_t<iterator>>(most), end_);
            const auto count = static_cast<std::size_t>(std::ranges::distance(position_, behind));
            return submit_([&](encoder& out) { put_elements<How>(Types{}, out, position_, count); });
        } else {
            std::vector<std::iter_value_t<iterator>> elements; // how many there are must be known
            for (; elements.size() != most && position_ != end_; ++position_) {
                elements.push_back(*position_);
            }
            auto first = elements.begin();
            return submit_([&](encoder& out) { put_elements<How>(Types{}, out, first, elements.size()); });
        }
    }

private:
    iterator position_;
    std::ranges::sentinel_t<Range> end_;
    chunk_sizes sizes_;
    Submit submit_;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
