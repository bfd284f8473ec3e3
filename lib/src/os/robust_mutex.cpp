// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/robust_mutex.hpp"

#include "os/monotonic.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

namespace multiprocessing::os {
namespace {

int type_of(robust_mutex::kind kind) noexcept {
    switch (kind) {
    case robust_mutex::kind::plain:
        return PTHREAD_MUTEX_NORMAL;
    case robust_mutex::kind::checked:
        return PTHREAD_MUTEX_ERRORCHECK;
    case robust_mutex::kind::recursive:
        break;
    }
    return PTHREAD_MUTEX_RECURSIVE;
}

int make(pthread_mutex_t& mutex, int type) noexcept {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_settype(&attributes, type);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    const int failure = ::pthread_mutex_init(&mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    return failure;
}

#ifdef __GLIBC__

int kind_of_a_new_one(int type) noexcept {
    pthread_mutex_t example;
    make(example, type);
    return example.__data.__kind;
}

/// Whether it still says that it is what is made here: of what says something else glibc believes anything,
/// and aborts the process.
bool is_intact(const pthread_mutex_t& mutex) noexcept {
    static const int plain = kind_of_a_new_one(PTHREAD_MUTEX_NORMAL);
    static const int checked = kind_of_a_new_one(PTHREAD_MUTEX_ERRORCHECK);
    static const int recursive = kind_of_a_new_one(PTHREAD_MUTEX_RECURSIVE);
    const int kind = mutex.__data.__kind;
    return kind == plain || kind == checked || kind == recursive;
}

#else

bool is_intact(const pthread_mutex_t&) noexcept {
    return true; // as far as can be told
}

#endif

} // namespace

robust_mutex::robust_mutex(kind is) {
    if (const int failure = make(mutex_, type_of(is)); failure != 0) {
        throw_refused(failure, "cannot make a mutex that processes share");
    }
}

lock_result robust_mutex::try_lock() noexcept {
    return is_intact(mutex_) ? result_of(::pthread_mutex_trylock(&mutex_)) : lock_result::refused;
}

#ifdef __SANITIZE_THREAD__ // which does not know pthread_mutex_clocklock in GCC 12, and complains of the
                           // unlock

lock_result robust_mutex::lock_until(steady_time deadline) noexcept {
    auto result = try_lock();
    while (result == lock_result::not_locked && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        result = try_lock();
    }
    return result;
}

#else

lock_result robust_mutex::lock_until(steady_time deadline) noexcept {
    if (!is_intact(mutex_)) {
        return lock_result::refused;
    }
    const auto until = on_monotonic_clock(deadline);
    return result_of(::pthread_mutex_clocklock(&mutex_, CLOCK_MONOTONIC, &until));
}

#endif

bool robust_mutex::unlock() noexcept {
    return is_intact(mutex_) && ::pthread_mutex_unlock(&mutex_) == 0;
}

lock_result robust_mutex::result_of(int error) noexcept {
    switch (error) {
    case 0:
        return lock_result::locked;
    case EOWNERDEAD: // and nobody but this thread has it now
        ::pthread_mutex_consistent(&mutex_);
        return lock_result::inherited;
    case EBUSY:
    case ETIMEDOUT:
        return lock_result::not_locked;
    case EDEADLK:
        return lock_result::held;
    default:
        return lock_result::refused;
    }
}

} // namespace multiprocessing::os
