// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <sys/wait.h>
#include <unistd.h>

namespace bench {

/// Starts this program once more, with one argument: what starting a process costs at the least.
inline pid_t start_by_hand(const char* argument) {
    const char* arguments[] = {"by_hand", argument, nullptr};
    const pid_t child = ::vfork();
    if (child == 0) {
        ::execve("/proc/self/exe", const_cast<char**>(arguments), environ);
        ::_exit(1);
    }
    expect(child > 0, "vfork");
    return child;
}

} // namespace bench
