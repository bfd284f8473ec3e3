// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/payload.hpp"

#include "wire/frame.hpp"

#include <multiprocessing/serialize.hpp>

#include <cerrno>

namespace multiprocessing::detail {

payload copy_of(std::span<const std::byte> content) {
    if (content.size() <= payload::most_inside) {
        return payload(content);
    }
    auto copy = std::make_shared<bytes>(content);
    const std::span<const std::byte> copied(*copy);
    return {std::move(copy), copied};
}

void throw_no_descriptor(std::size_t size) {
    os::throw_refused(EMFILE, "cannot receive a content of " + std::to_string(size) + " bytes");
}

payload read_sealed(os::descriptor memory, std::size_t size) {
    if (size == 0 || !os::is_sealed_memory(memory.get()) || os::size_of(memory.get()) != size) {
        throw nonsense_received("a content that came by courier is not what was announced");
    }
    // A process may have some ten thousand mappings, and futures may keep more contents than that.
    constexpr std::size_t worth_a_mapping = std::size_t{1} << 20;
    if (size < worth_a_mapping) {
        auto copy = std::make_shared<bytes>(size);
        os::read_all(memory.get(), *copy);
        const std::span<const std::byte> content(*copy);
        return {std::move(copy), content};
    }
    auto mapped = std::make_shared<os::mapping>(memory.get(), size);
    const std::span<const std::byte> content(mapped->data(), size);
    return {std::move(mapped), content};
}

} // namespace multiprocessing::detail
