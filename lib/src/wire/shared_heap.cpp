// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/shared_heap.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <bit>
#include <functional>
#include <new>
#include <utility>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t page = 4096;

constexpr std::size_t whole_pages(std::size_t count) {
    return (count + page - 1) / page * page;
}

} // namespace

shared_heap::shared_heap(const char* label) noexcept {
    try {
        auto memory = os::make_memory(label);
        reader_ = os::open_for_reading(memory.get());
        memory_ = std::move(memory);
    } catch (const resource_error&) { // then large contents travel by courier
    }
}

std::span<std::byte> shared_heap::allocate(std::size_t count) noexcept {
    if (count > size || !memory_ || !user_.is_this_process()) {
        return {};
    }
    const std::lock_guard lock(mutex_);
    if (closed_) {
        return {};
    }
    try {
        if (mapped_.size() == 0) {
            os::resize(memory_.get(), size);
            mapped_ = os::mapping(memory_.get(), size);
        }
        return take(whole_pages(count));
    } catch (const resource_error&) { // a limit of this process, or no memory
        return {};
    } catch (const std::bad_alloc&) {
        return {};
    }
}

std::span<std::byte> shared_heap::take(std::size_t count) {
    const auto offset = extents_.take(count);
    if (!offset) {
        return {};
    }
    try {
        if (const auto end = *offset + count; end > backed_) {
            os::allocate(memory_.get(), backed_, end - backed_);
            backed_ = end;
        }
    } catch (...) {
        extents_.give_back(*offset);
        throw;
    }
    return {mapped_.data() + *offset, count};
}

void shared_heap::release(std::byte* memory) noexcept {
    const std::lock_guard lock(mutex_);
    extents_.give_back(static_cast<std::size_t>(memory - mapped_.data()));
}

void shared_heap::close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
}

std::optional<std::uint64_t> shared_heap::offset_of(std::span<const std::byte> bytes) const noexcept {
    const std::lock_guard lock(mutex_);
    const auto* const begin = mapped_.data();
    if (std::less<>()(bytes.data(), begin) || !std::less<>()(bytes.data(), begin + mapped_.size())) {
        return std::nullopt;
    }
    return static_cast<std::uint64_t>(bytes.data() - begin);
}

bool shared_heap::trim() noexcept {
    const std::lock_guard lock(mutex_);
    if (!extents_.all_free()) {
        return false;
    }
    if (backed_ != 0) {
        os::release(memory_.get(), 0, backed_);
        backed_ = 0;
    }
    return true;
}

payload shared_heap_reader::read(std::uint64_t offset, std::size_t count) {
    if (count > shared_heap::size || offset > shared_heap::size - count) {
        throw nonsense_received("a content is announced to lie outside its memory");
    }
    const auto end = static_cast<std::size_t>(offset) + count;
    if (mapped_->size() < end) {
        const auto available = os::size_of(memory_.get()); // it never gets less
        if (available < end) {
            throw nonsense_received("a content is announced to lie behind the end of its memory");
        }
        mapped_ = std::make_shared<os::mapping>(
            os::mapping::for_reading(memory_.get(), std::min(std::bit_ceil(end), available)));
    }
    return {mapped_, {mapped_->data() + offset, count}};
}

std::span<std::byte> result_heap::allocate(std::size_t count) noexcept {
    release_what_is_done_with();
    return heap_.allocate(count);
}

std::optional<heap_place> result_heap::hand_over(std::span<const std::byte> content) noexcept {
    const auto offset = heap_.offset_of(content);
    const auto free = std::ranges::find(sent_, nullptr);
    if (!offset || free == sent_.end()) {
        return std::nullopt;
    }
    const auto flag = static_cast<std::size_t>(free - sent_.begin());
    in_use_[flag].store(1, std::memory_order_relaxed); // published when it is sent
    *free = const_cast<std::byte*>(content.data());    // it is this object's
    return heap_place{*offset, flag};
}

void result_heap::release_what_is_done_with() noexcept {
    for (std::size_t flag = 0; flag != most; ++flag) {
        if (sent_[flag] != nullptr && in_use_[flag].load(std::memory_order_acquire) == 0) {
            heap_.release(std::exchange(sent_[flag], nullptr));
        }
    }
}

bool result_heap::trim() noexcept {
    release_what_is_done_with();
    return heap_.trim();
}

} // namespace multiprocessing::detail
