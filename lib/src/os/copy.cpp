// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/copy.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

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

pid_t fork_sibling(pid_t& noted) noexcept {
    // The C library's fork makes children only. What it does besides: the copy's thread has a number of its
    // own, which the C library keeps where it told the kernel to write it, and a list of robust mutexes,
    // which the kernel forgets.
    pid_t* thread_number = nullptr;
    void* robust_list = nullptr;
    std::size_t size_of_list = 0;
    if (::prctl(PR_GET_TID_ADDRESS, &thread_number) != 0 ||
        ::syscall(SYS_get_robust_list, 0, &robust_list, &size_of_list) != 0) {
        return -1; // a kernel without CONFIG_CHECKPOINT_RESTORE
    }
    count_one();
    constexpr unsigned long flags =
        CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
    const auto copy = static_cast<pid_t>(::syscall(SYS_clone, flags, nullptr, &noted,
#if defined(__x86_64__)
                                                   thread_number, nullptr));
#else
                                                   nullptr, thread_number));
#endif
    if (copy == 0) {
        ::syscall(SYS_set_robust_list, robust_list, size_of_list);
    }
    return copy;
}

} // namespace multiprocessing::os
