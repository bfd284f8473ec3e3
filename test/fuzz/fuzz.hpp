// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <span>

/// What the fuzz targets share. A target gets bytes as a hostile process could have sent them, and calls what
/// decodes them. That throws `decode_failed` or nothing; any other exception leaves the target, which
/// libFuzzer reports, like whatever the sanitizers find, too large an allocation, and too long a run.
namespace fuzz {

namespace mp = multiprocessing;

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}

/// A property that does not hold. An assertion that NDEBUG does not remove.
inline void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

/// The value, or nothing for bytes that are none.
template <class T>
std::optional<T> decoded(std::span<const std::byte> bytes) {
    try {
        return mp::decode<T>(bytes);
    } catch (const mp::decode_failed&) {
        return std::nullopt;
    }
}

/// What can be decoded can be encoded, and that is decoded to the same again.
template <class T>
void check_round_trip(std::span<const std::byte> bytes) {
    if (const auto value = decoded<T>(bytes)) {
        const auto encoded = mp::encode(*value);
        const auto again = mp::decode<T>(encoded);
        if constexpr (requires { typename T::hasher; }) { // the order of its elements is nobody's
            require(again == *value, "the value decoded again is the same");
        } else {
            require(mp::encode(again) == encoded, "the value decoded again is the same");
        }
    }
}

} // namespace fuzz
