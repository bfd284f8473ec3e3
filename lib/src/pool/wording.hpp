// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>

namespace multiprocessing::detail {

/// What messages call a pool and what belongs to it: a pool may serve as something else.
struct wording {
    std::string pool = "pool";
    std::string a_pool = "a pool";
    std::string worker = "worker";
    std::string task = "task";
    std::string initializer = "initializer";
    std::string cannot_start = "no worker can be started, the pool has given up";
};

[[nodiscard]] inline wording wording_of_actors() {
    return {.pool = "actor",
            .a_pool = "an actor",
            .worker = "actor",
            .task = "call",
            .initializer = "constructor",
            .cannot_start = "the actor cannot be made anew, which is not tried any more"};
}

} // namespace multiprocessing::detail
