// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

namespace multiprocessing::detail {

/// Which parts of some memory are free. The first that is large enough is taken, so that what is used is used
/// again. Does not touch the memory. Not thread-safe.
class extents {
public:
    /// All is free at first.
    explicit extents(std::size_t size) : free_{{0, size}} {}

    /// Where so much was taken; empty when there is no room.
    std::optional<std::size_t> take(std::size_t size) {
        for (auto gap = free_.begin(); gap != free_.end(); ++gap) {
            const auto offset = gap->first;
            if (gap->second >= size) {
                taken_.emplace(offset, size); // first, since there may be no memory for that
                auto rest = free_.extract(gap);
                if (rest.mapped() != size) {
                    rest.key() += size;
                    rest.mapped() -= size;
                    free_.insert(std::move(rest));
                }
                return offset;
            }
        }
        return std::nullopt;
    }

    /// What was taken there. Needs no memory.
    void give_back(std::size_t offset) noexcept {
        auto gap = taken_.extract(offset);
        const auto next = free_.lower_bound(offset);
        if (next != free_.end() && next->first == offset + gap.mapped()) {
            gap.mapped() += next->second;
            free_.erase(next);
        }
        const auto after = free_.lower_bound(offset);
        if (after != free_.begin()) {
            const auto before = std::prev(after);
            if (before->first + before->second == offset) {
                before->second += gap.mapped();
                return;
            }
        }
        free_.insert(std::move(gap));
    }

    [[nodiscard]] bool all_free() const noexcept { return taken_.empty(); }

private:
    std::map<std::size_t, std::size_t> free_; // sizes by offsets; no two touch
    std::map<std::size_t, std::size_t> taken_;
};

} // namespace multiprocessing::detail
