// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <vector>

namespace multiprocessing::os {

/// A descriptor that a child which this library forks has only if it is given to it: the other end of a
/// connection learns of the end of this one when all who have it are gone.
class unshared_descriptor {
public:
    explicit unshared_descriptor(descriptor owned);
    ~unshared_descriptor();
    unshared_descriptor(const unshared_descriptor&) = delete;
    unshared_descriptor& operator=(const unshared_descriptor&) = delete;

    [[nodiscard]] int get() const noexcept { return owned_.get(); }

private:
    const descriptor owned_;
};

/// Those of this process, at the moment.
[[nodiscard]] std::vector<int> unshared_descriptors();

} // namespace multiprocessing::os
