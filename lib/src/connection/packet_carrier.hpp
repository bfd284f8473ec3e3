// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/socket.hpp"

#include <multiprocessing/detail/descriptors.hpp>
#include <multiprocessing/error.hpp>

#include <cstddef>
#include <utility>
#include <vector>

/// Descriptors that travel in the packet of the value that they belong to.
namespace multiprocessing::detail {

/// Collects those of a value. They stay the value's own.
class packet_carrier final : public descriptor_carrier {
public:
    /// One more is for the memory of a large value.
    static constexpr std::size_t most_carried = os::most_descriptors - 1;

    /// Throws `not_encodable` when they are too many.
    void put(encoder& out, int fd) override;
    [[nodiscard]] const std::vector<int>& descriptors() const noexcept { return descriptors_; }

private:
    std::vector<int> descriptors_;
};

/// Those that came in a packet. What is not taken is closed.
class packet_descriptors final : public carried_descriptors {
public:
    explicit packet_descriptors(std::vector<os::descriptor> came) : came_(std::move(came)) {}
    int take(std::size_t index) override {
        if (index >= came_.size() || !came_[index]) {
            throw decode_failed("a descriptor is announced that did not come along");
        }
        return came_[index].release();
    }

private:
    std::vector<os::descriptor> came_;
};

} // namespace multiprocessing::detail
