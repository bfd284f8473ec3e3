// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/detail/bytes.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <string>
#include <system_error>

namespace multiprocessing::detail {

void throw_no_memory(const char* what_for, std::size_t size) {
    throw resource_error(std::make_error_code(std::errc::not_enough_memory),
                         std::string("no memory to ") + what_for + " a value of " + std::to_string(size) +
                             " bytes");
}

namespace {

/// With `realloc`, which moves pages instead of copying them where there are many; for the rest like `new`.
std::byte* reallocate(void* memory, std::size_t capacity, std::size_t needed) {
    for (;;) {
        if (auto* const larger = std::realloc(memory, capacity)) {
            return static_cast<std::byte*>(larger);
        }
        const auto make_room = std::get_new_handler();
        if (make_room == nullptr) {
            throw_no_memory("encode", needed);
        }
        make_room();
    }
}

} // namespace

void bytes::grow(std::size_t count) {
    const auto needed = size_ + count;
    const auto capacity = std::max(needed, 2 * capacity_);
    if (needed < size_) {
        throw_no_memory("encode", needed);
    }
    const auto shared = source_ != nullptr && needed >= memory_source::least ? source_->allocate(capacity)
                                                                             : std::span<std::byte>();
    if (shared.empty() && where_ == place::heap) {
        data_ = reallocate(data_, capacity, needed);
        capacity_ = capacity;
        return;
    }
    auto* const memory = shared.empty() ? reallocate(nullptr, capacity, needed) : shared.data();
    std::memcpy(memory, data_, size_);
    const auto size = size_;
    give_back();
    data_ = memory;
    size_ = size;
    capacity_ = shared.empty() ? capacity : shared.size();
    where_ = shared.empty() ? place::heap : place::source;
}

void bytes::release() noexcept {
    if (where_ == place::heap) {
        std::free(data_);
    } else {
        source_->release(data_);
    }
    let_go();
}

/// What was there before has been given back.
void bytes::take_from(bytes& other) noexcept {
    source_ = other.source_;
    size_ = other.size_;
    if (other.where_ == place::inside) {
        inside_ = other.inside_; // all, since so many are copied at once
        other.size_ = 0;
        return;
    }
    data_ = other.data_;
    capacity_ = other.capacity_;
    where_ = other.where_;
    other.let_go();
}

} // namespace multiprocessing::detail
