// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <fstream>
#include <new>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

/// Workers with a limit of memory, and how they get beyond it.
namespace fault {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    ifdef __SANITIZE_ADDRESS__
/// The sanitizer itself takes a fifth of it.
inline constexpr std::size_t memory_limit = std::size_t{100} << 40;
#    else
/// The sanitizer does not run with less.
inline constexpr std::size_t memory_limit = RLIM_INFINITY;
#    endif
/// The sanitizers' `operator new` does not ask the handler, as any other does.
[[noreturn]] inline void need_too_much() {
    for (;;) {
        std::get_new_handler()();
    }
}
#else
inline constexpr std::size_t memory_limit = std::size_t{1} << 30;
[[noreturn]] inline void need_too_much() {
    for (std::vector<void*> all;;) {
        all.push_back(::operator new (std::size_t{64} << 20));
    }
}
#endif

/// From now on there are only so many bytes left.
inline void leave_no_more_than(std::size_t left) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    rlimit limits{};
    ::getrlimit(RLIMIT_AS, &limits);
    limits.rlim_cur = pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) + left;
    ::setrlimit(RLIMIT_AS, &limits);
}

} // namespace fault
