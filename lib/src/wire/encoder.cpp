// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

namespace multiprocessing {

void encoder::save_binary(const void* data, std::size_t size) {
    constexpr std::size_t of_a_small_task = 128;
    const auto* first = static_cast<const std::byte*>(data);
    try {
        if (out_->capacity() == 0) {
            out_->reserve(std::max(size, of_a_small_task)); // instead of growing to it, eight bytes at a time
        }
        out_->insert(out_->end(), first, first + size);
    } catch (const std::bad_alloc&) {
        throw resource_error(std::make_error_code(std::errc::not_enough_memory),
                             "no memory to encode a value of at least " +
                                 std::to_string(out_->size() + size) + " bytes");
    }
}

} // namespace multiprocessing
