// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/shared_memory.hpp>

#include "ipc/named_memory.hpp"
#include "ipc/names.hpp"

#include <memory>
#include <stdexcept>
#include <utility>

namespace multiprocessing {

namespace detail {

namespace {

/// It gets its name when it is whole. Who is killed before leaves a name that is recognised as a dead one's.
named_memory create_whole(const std::string& name, std::size_t size) {
    const own_name temporary("-memory");
    auto memory = named_memory::create(temporary.text(), size);
    add_name(temporary.text(), name);
    return memory;
}

} // namespace

/// Shared memory as the copies of one handle have it mapped.
class shared_block {
public:
    /// Made here; the name goes with this object.
    explicit shared_block(std::size_t size)
        : own_name_("-memory"), name_(own_name_.text()), memory_(named_memory::create(name_, size)) {
        memory_.close_descriptor(); // descriptors are scarce, and it is mapped
    }
    /// That has a name of its own.
    shared_block(const std::string& name, named_memory memory) : name_(name), memory_(std::move(memory)) {
        memory_.close_descriptor();
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {memory_.data(), memory_.size()}; }

private:
    const own_name own_name_;
    const std::string name_;
    named_memory memory_;
};

namespace {

std::size_t checked(std::size_t size) {
    if (size == 0) {
        throw std::invalid_argument("multiprocessing::shared_memory: there is no memory of 0 bytes");
    }
    if (size > largest_array) {
        throw std::length_error("multiprocessing::shared_memory: no memory has room for so many bytes");
    }
    return size;
}

} // namespace
} // namespace detail

shared_memory shared_memory::create(std::size_t size) {
    return shared_memory(std::make_shared<detail::shared_block>(detail::checked(size)));
}

shared_memory shared_memory::create(const std::string& name, std::size_t size) {
    if (!detail::is_users_name(name)) {
        throw std::invalid_argument("multiprocessing::shared_memory: \"" + name +
                                    "\" cannot be a name: take 1 to 255 characters without a /, and not "
                                    "beginning with \"multiprocessing-\"");
    }
    return shared_memory(
        std::make_shared<detail::shared_block>(name, detail::create_whole(name, detail::checked(size))));
}

shared_memory shared_memory::attach(const std::string& name) {
    if (name.empty()) {
        throw std::invalid_argument("multiprocessing::shared_memory: an empty name is none");
    }
    return shared_memory(std::make_shared<detail::shared_block>(name, detail::named_memory::open(name)));
}

const std::string& shared_memory::name() const noexcept {
    return block_->name();
}

std::span<std::byte> shared_memory::bytes() const noexcept {
    return block_->bytes();
}

void shared_memory::unlink() noexcept {
    detail::named_memory::remove(name());
}

} // namespace multiprocessing
