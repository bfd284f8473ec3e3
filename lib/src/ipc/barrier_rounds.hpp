// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <optional>

namespace multiprocessing::detail {

/// What became of a round at a barrier.
enum class round_outcome : std::uint8_t { complete, aborted, timed_out, party_died, reset };

/// The rounds at a barrier: all that its parties need to agree on, in one word, so that nobody can die in the
/// middle of changing it.
struct barrier_rounds {
    std::uint32_t present = 0; ///< counts the rounds
    std::uint16_t arrived = 0; ///< so many parties have come, in the present round
    /// Of the present round, once it cannot be completed.
    round_outcome broken = round_outcome::complete;
    std::uint8_t failed = 0; ///< bit i: the round before the present one, or i rounds before that, failed

    [[nodiscard]] bool is_broken() const noexcept { return broken != round_outcome::complete; }

    /// When one more party comes.
    [[nodiscard]] barrier_rounds after_arrival(std::size_t parties) const noexcept {
        if (arrived + std::size_t{1} >= parties) {
            return next(false);
        }
        auto after = *this;
        ++after.arrived;
        return after;
    }
    [[nodiscard]] barrier_rounds after_breaking(round_outcome why) const noexcept {
        auto after = *this;
        after.broken = why;
        return after;
    }
    [[nodiscard]] barrier_rounds after_reset() const noexcept { return next(is_broken() || arrived != 0); }

    /// Empty as long as it is not over. Whoever asks has not run for eight rounds at most; else there have
    /// been enough others to complete them, and a round that long ago counts as complete.
    [[nodiscard]] std::optional<round_outcome> outcome_of(std::uint32_t round) const noexcept {
        const std::uint32_t ago = present - round;
        if (ago == 0) {
            return is_broken() ? std::optional(broken) : std::nullopt;
        }
        return ago <= 8 && (failed >> (ago - 1) & 1U) != 0 ? round_outcome::reset : round_outcome::complete;
    }

private:
    [[nodiscard]] barrier_rounds next(bool has_failed) const noexcept {
        return {present + 1, 0, round_outcome::complete,
                static_cast<std::uint8_t>(failed << 1U | (has_failed ? 1U : 0U))};
    }
};

} // namespace multiprocessing::detail
