// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <ranges>
#include <span>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// The bytes of a value, in two pieces: a block of elements need not be copied to stand behind its size.
struct value_bytes {
    std::span<const std::byte> head{};
    std::span<const std::byte> rest{};

    [[nodiscard]] std::size_t size() const noexcept { return head.size() + rest.size(); }
    void copy_to(std::byte* to) const { std::ranges::copy(rest, std::ranges::copy(head, to).out); }
};

/// Calls `use` with the bytes that `encode` would make of `value`, copied only where they must be.
/// Descriptors go with `carrier`. Throws what encoding throws.
template <class T, class Use>
auto with_bytes_of(const T& value, const Use& use, descriptor_carrier* carrier = nullptr) {
    if constexpr (plain_bytes<T>) {
        return use(value_bytes{std::as_bytes(std::span(std::addressof(value), 1)), {}});
    } else if constexpr (block_container<T>) {
        const std::uint64_t size = std::ranges::size(value);
        const std::span elements(std::ranges::data(value), size);
        return use(value_bytes{std::as_bytes(std::span(&size, 1)), std::as_bytes(elements)});
    } else {
        bytes encoded;
        encoder(encoded, carrier).put(value);
        return use(value_bytes{encoded, {}});
    }
}

} // namespace multiprocessing::detail

#pragma GCC visibility pop
