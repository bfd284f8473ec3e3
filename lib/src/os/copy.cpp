// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/copy.hpp"

#include <atomic>
#include <pthread.h>

namespace multiprocessing::os {
namespace {

std::atomic<unsigned> copies{0};

/// Children that execute a program are none, and do not get here: they are started with vfork. Before the
/// fork, so that nothing happens in between that heeds no copy.
void count_one() {
    ++copies;
}

[[maybe_unused]] const int is_registered = ::pthread_atfork(&count_one, nullptr, nullptr);

} // namespace

unsigned copies_so_far() noexcept {
    return copies.load(std::memory_order_relaxed);
}

} // namespace multiprocessing::os
