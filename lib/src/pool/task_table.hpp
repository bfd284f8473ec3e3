// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace multiprocessing::detail {

/// The low half says which place a task has in tables, from 1 on: to find it is to look at one place. The
/// high half is its number among all tasks, from 1 on, as far as that fits: no two have the same id, and a
/// worker can say which task it is about.
using task_id = std::uint64_t;

/// What people call the task.
[[nodiscard]] constexpr std::uint32_t number_of(task_id id) noexcept {
    return static_cast<std::uint32_t>(id >> 32);
}

/// The ids of a pool's tasks. Places are used again, the last one first: it is still in the cache.
class task_ids {
public:
    [[nodiscard]] task_id take() {
        if (free_.empty()) {
            free_.push_back(++places_);
        }
        const auto place = free_.back();
        free_.pop_back();
        return (++taken_ << 32) + place;
    }

    /// That task is gone.
    void give_back(task_id id) { free_.push_back(static_cast<std::uint32_t>(id)); }

private:
    std::uint32_t places_ = 0;
    std::uint64_t taken_ = 0;
    std::vector<std::uint32_t> free_;
};

/// What is known of tasks, by their ids. Addresses stay. Not thread-safe.
template <class T>
class task_table {
public:
    /// Made of `parts`. There must be none of that id.
    template <class... Parts>
    T& emplace(task_id id, Parts&&... parts) {
        const auto index = index_of(id);
        while (index / places_in_block >= blocks_.size()) {
            blocks_.push_back(std::make_unique<block>());
        }
        auto& free = (*blocks_[index / places_in_block])[index % places_in_block];
        auto& placed = free.task.emplace(std::forward<Parts>(parts)...);
        free.id = id;
        ++size_;
        return placed;
    }

    /// Null if there is none of that id, which may be anything.
    [[nodiscard]] T* find(task_id id) noexcept {
        auto* const found = place_of(id);
        return found != nullptr ? &*found->task : nullptr;
    }
    [[nodiscard]] const T* find(task_id id) const noexcept { return const_cast<task_table*>(this)->find(id); }
    [[nodiscard]] bool contains(task_id id) const noexcept { return find(id) != nullptr; }

    /// There may be none.
    void erase(task_id id) noexcept {
        if (auto* const found = place_of(id)) {
            found->id = 0;
            found->task.reset();
            --size_;
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }

    template <class Visit>
    void for_each_id(const Visit& visit) const {
        for (const auto& places : blocks_) {
            for (const auto& each : *places) {
                if (each.id != 0) {
                    visit(each.id);
                }
            }
        }
    }

private:
    struct place {
        task_id id = 0; // 0: it is free
        std::optional<T> task{};
    };
    static constexpr std::size_t places_in_block = 256;
    using block = std::array<place, places_in_block>;

    static std::size_t index_of(task_id id) noexcept { return static_cast<std::uint32_t>(id); }

    [[nodiscard]] place* place_of(task_id id) noexcept {
        const auto index = index_of(id);
        if (id == 0 || index / places_in_block >= blocks_.size()) {
            return nullptr;
        }
        auto& found = (*blocks_[index / places_in_block])[index % places_in_block];
        return found.id == id ? &found : nullptr;
    }

    std::vector<std::unique_ptr<block>> blocks_;
    std::size_t size_ = 0;
};

} // namespace multiprocessing::detail
