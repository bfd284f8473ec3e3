// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/robust_mutex.hpp"

#include "os/monotonic.hpp"

#include <cerrno>

namespace multiprocessing::os {

robust_mutex::robust_mutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    const int failure = ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    if (failure != 0) {
        throw_refused(failure, "cannot make a mutex that processes share");
    }
}

bool robust_mutex::try_lock() noexcept {
    return locked(::pthread_mutex_trylock(&mutex_));
}

bool robust_mutex::lock_until(steady_time deadline) noexcept {
    const auto until = on_monotonic_clock(deadline);
    return locked(::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &until));
}

void robust_mutex::unlock() noexcept {
    ::pthread_mutex_unlock(&mutex_);
}

bool robust_mutex::locked(int result) noexcept {
    if (result == EOWNERDEAD) { // and nobody but this thread has it now
        ::pthread_mutex_consistent(&mutex_);
        return true;
    }
    return result == 0;
}

} // namespace multiprocessing::os
