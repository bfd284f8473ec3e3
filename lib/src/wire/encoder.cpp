// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/serialize.hpp>

#include <algorithm>

namespace multiprocessing {

void encoder::save_binary(const void* data, std::size_t size) {
    constexpr std::size_t of_a_small_task = 128;
    if (out_->capacity() == 0) {
        out_->reserve(std::max(size, of_a_small_task)); // instead of growing to it, eight bytes at a time
    }
    const auto* first = static_cast<const std::byte*>(data);
    out_->insert(out_->end(), first, first + size);
}

} // namespace multiprocessing
