// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

/// Which place is to get the next task, found without looking at all of them.
namespace multiprocessing::detail {

/// A set of numbers below a bound. Each bit of a level says whether a word of the one below has any, so what
/// is done looks at a word a level: one for up to 64 numbers, three for a quarter of a million.
class index_set {
public:
    explicit index_set(std::size_t bound) {
        do {
            bound = (bound + word_bits - 1) / word_bits;
            levels_.emplace_back(bound);
        } while (bound > 1);
    }

    void insert(std::size_t number) noexcept {
        for (auto& level : levels_) {
            auto& word = level[number / word_bits];
            const bool was_known_above = word != 0;
            word |= bit_of(number);
            if (was_known_above) {
                return;
            }
            number /= word_bits;
        }
    }
    void erase(std::size_t number) noexcept {
        for (auto& level : levels_) {
            auto& word = level[number / word_bits];
            word &= ~bit_of(number);
            if (word != 0) {
                return;
            }
            number /= word_bits;
        }
    }
    [[nodiscard]] bool empty() const noexcept { return levels_.back().front() == 0; }
    /// There must be one.
    [[nodiscard]] std::size_t least() const noexcept {
        std::size_t number = 0;
        for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
            number = number * word_bits + static_cast<std::size_t>(std::countr_zero((*level)[number]));
        }
        return number;
    }

private:
    static constexpr std::size_t word_bits = 64;
    static std::uint64_t bit_of(std::size_t number) noexcept {
        return std::uint64_t{1} << (number % word_bits);
    }

    std::vector<std::vector<std::uint64_t>> levels_; // the numbers themselves first
};

/// Places that may get tasks, by how many they have: fewer than `most`.
class places_with_room {
public:
    places_with_room(std::size_t places, std::size_t most)
        : by_load_(most, index_set(places)), least_(most) {}

    void insert(std::size_t place, std::size_t load) noexcept {
        by_load_[load].insert(place);
        least_ = std::min(least_, load);
    }
    void erase(std::size_t place, std::size_t load) noexcept { by_load_[load].erase(place); }

    struct found {
        std::size_t place;
        std::size_t load;
    };
    /// The first of those that have the fewest tasks.
    [[nodiscard]] std::optional<found> freest() noexcept {
        while (least_ != by_load_.size() && by_load_[least_].empty()) {
            ++least_;
        }
        return least_ != by_load_.size() ? std::optional(found{by_load_[least_].least(), least_})
                                         : std::nullopt;
    }

private:
    std::vector<index_set> by_load_;
    std::size_t least_; // no place has fewer
};

} // namespace multiprocessing::detail
