// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/payload.hpp"

#include "wire/frame.hpp"

#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace multiprocessing::detail {

void payload_buffer::write(std::span<const std::byte> content) {
    if (mapped_->size() < content.size()) {
        const auto size = std::min(std::bit_ceil(content.size()), largest);
        if (os::size_of(memory_.get()) < size) { // or else it could not be mapped the last time
            os::resize(memory_.get(), size);
        }
        map(size);
    }
    if (allocated_ < content.size()) {
        os::allocate(memory_.get(), content.size());
        allocated_ = content.size();
    }
    std::memcpy(mapped_->data(), content.data(), content.size());
}

payload payload_buffer::read(std::size_t size) {
    if (mapped_->size() < size) {
        const auto available = os::size_of(memory_.get());
        if (available < size || size > largest) {
            throw nonsense_received("a content is announced to be larger than its buffer");
        }
        map(std::min(available, largest));
    }
    return {mapped_, {mapped_->data(), size}};
}

void payload_buffer::map(std::size_t size) {
    mapped_ = std::make_shared<os::mapping>(memory_.get(), size);
}

payload copy_of(std::span<const std::byte> content) {
    if (content.size() <= payload::most_inside) {
        return payload(content);
    }
    auto copy = std::make_shared<bytes>(content.begin(), content.end());
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
