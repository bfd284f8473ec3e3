// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <new>
#include <string>
#include <system_error>

namespace multiprocessing {

void detail::throw_no_memory(const char* what_for, std::size_t size) {
    throw resource_error(std::make_error_code(std::errc::not_enough_memory),
                         std::string("no memory to ") + what_for + " a value of " + std::to_string(size) +
                             " bytes");
}

void encoder::save_binary(const void* data, std::size_t size) {
    constexpr std::size_t of_a_small_task = 128;
    const auto* first = static_cast<const std::byte*>(data);
    try {
        if (out_->capacity() == 0) {
            out_->reserve(std::max(size, of_a_small_task)); // instead of growing to it, eight bytes at a time
        }
        out_->insert(out_->end(), first, first + size);
    } catch (const std::bad_alloc&) {
        detail::throw_no_memory("encode", out_->size() + size);
    }
}

} // namespace multiprocessing
