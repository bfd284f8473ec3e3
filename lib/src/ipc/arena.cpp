// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/arena.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <bit>
#include <map>

namespace multiprocessing::detail {
namespace {

/// An arena takes at most this part of all shared memory: others need some as well. Containers mostly have
/// 64 MiB of it.
constexpr std::size_t largest_part = 8;

constexpr std::size_t units_for(std::size_t size) {
    return size / arena_table::unit_size + (size % arena_table::unit_size != 0 ? 1 : 0);
}

bool is_free(std::uint32_t state) {
    return state == arena_table::empty || state == arena_table::kept;
}

[[noreturn]] void throw_nothing_there() {
    throw decode_failed("a message in the queue tells of a value that is not there");
}

/// By the one who may.
void set(std::span<std::atomic<std::uint32_t>> units, std::uint32_t state) {
    for (auto& unit : units) {
        unit.store(state, std::memory_order_release);
    }
}

} // namespace

/// A value that is being read.
struct arena::lease {
    arena& from;
    const place value;
    const std::shared_ptr<os::mapping> mapped;

    lease(arena& owner, const place& leased) : from(owner), value(leased), mapped(owner.map(leased)) {}
    ~lease() { from.release(value); }
    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;
};

arena::arena(int file, std::size_t offset, arena_table& table)
    : file_(file),
      offset_(units_for(offset) * arena_table::unit_size),
      table_(table),
      self_(table.users.fetch_add(1) + arena_table::first_user),
      units_used_(std::min(arena_table::most_units,
                           os::file_system_size(file) / largest_part / arena_table::unit_size)) {
    os::announce_use(file, self_);
}

std::optional<arena::place> arena::store(const value_bytes& value) {
    auto found = claim(value.size());
    if (!found) {
        free_what_the_dead_have();
        found = claim(value.size());
    }
    if (found) {
        try {
            value.copy_to(map(*found)->data() + offset_of(*found));
        } catch (const resource_error&) {
            release(*found);
            return std::nullopt;
        }
    }
    return found;
}

void arena::release(const place& value) {
    set(units_of(value), arena_table::kept);
}

void arena::send(const place& value) {
    set(units_of(value), arena_table::under_way);
}

void arena::receive(const place& value) {
    if (!is_inside(value) || !std::ranges::all_of(units_of(value), [](const auto& unit) {
            return unit.load(std::memory_order_relaxed) == arena_table::under_way;
        })) {
        throw_nothing_there();
    }
    set(units_of(value), self_);
}

void arena::keep_under_way(const unit_set& told_of) {
    for (std::size_t unit = 0; unit != units_used_; ++unit) {
        std::uint32_t state = arena_table::under_way;
        if (!told_of[unit]) {
            table_.units[unit].compare_exchange_strong(state, arena_table::kept);
        }
    }
}

void arena::add(const place& value, unit_set& to) const {
    if (is_inside(value)) {
        for (std::size_t i = 0; i != units_for(value.size); ++i) {
            to.set(value.first_unit + i);
        }
    }
}

payload arena::open(const place& value) {
    auto owner = std::make_shared<lease>(*this, value);
    const std::byte* begin = owner->mapped->data() + offset_of(value);
    return {std::move(owner), {begin, value.size}};
}

void arena::trim() {
    for (std::size_t unit = 0; unit != units_used_; ++unit) {
        const place one{unit, arena_table::unit_size};
        bool has_memory = true;
        if (claim_all(units_of(one), has_memory)) {
            os::release(file_, offset_of(one), one.size);
            set(units_of(one), arena_table::empty);
        }
    }
}

bool arena::is_inside(const place& value) const {
    return value.first_unit < table_.units.size() &&
           units_for(value.size) <= table_.units.size() - value.first_unit;
}

arena::units arena::units_of(const place& value) const {
    return units(table_.units).subspan(value.first_unit, units_for(value.size));
}

std::size_t arena::offset_of(const place& value) const {
    return offset_ + value.first_unit * arena_table::unit_size;
}

/// The first free run that is long enough: what was used last is used next, and is still in the caches.
std::optional<arena::place> arena::claim(std::size_t size) const {
    const auto count = units_for(size);
    std::size_t free = 0;
    for (std::size_t end = 1; end <= units_used_; ++end) {
        free = is_free(table_.units[end - 1].load(std::memory_order_relaxed)) ? free + 1 : 0;
        if (free != count) {
            continue;
        }
        const place found{end - count, size};
        bool have_memory = true;
        if (!claim_all(units_of(found), have_memory)) { // somebody else was faster
            free = 0;
            continue;
        }
        try {
            if (!have_memory) {
                os::allocate(file_, offset_of(found), count * arena_table::unit_size);
            }
            return found;
        } catch (const resource_error&) {
            set(units_of(found), arena_table::empty);
            return std::nullopt;
        }
    }
    return std::nullopt;
}

/// Whether all were free, and now are this user's.
bool arena::claim_all(units run, bool& have_memory) const {
    for (std::size_t done = 0; done != run.size(); ++done) {
        auto state = run[done].load(std::memory_order_relaxed);
        if (!is_free(state) || !run[done].compare_exchange_strong(state, self_)) {
            set(run.first(done), arena_table::empty); // whether or not: memory is only asked for once more
            return false;
        }
        have_memory &= state == arena_table::kept;
    }
    return true;
}

/// What users who were killed have written, and not sent, or have not read to the end.
void arena::free_what_the_dead_have() const {
    std::map<std::uint32_t, bool> is_dead{{self_, false}};
    for (auto& unit : units(table_.units).first(units_used_)) {
        auto state = unit.load();
        if (state < arena_table::first_user) {
            continue;
        }
        const auto [user, is_new] = is_dead.try_emplace(state);
        if (is_new) {
            user->second = !os::is_used_by(file_, state);
        }
        if (user->second) {
            unit.compare_exchange_strong(state, arena_table::empty);
        }
    }
}

/// What is mapped grows with what is used. A value that is being read keeps what it is read from.
std::shared_ptr<os::mapping> arena::map(const place& value) {
    const auto end = offset_of(value) + value.size;
    const std::lock_guard lock(mutex_);
    if (file_size_ < end) { // touching what is beyond would be SIGBUS
        file_size_ = os::size_of(file_);
        if (file_size_ < end) {
            throw_nothing_there();
        }
    }
    if (mapped_->size() < end) {
        mapped_ = std::make_shared<os::mapping>(file_, std::bit_ceil(end));
    }
    return mapped_;
}

} // namespace multiprocessing::detail
