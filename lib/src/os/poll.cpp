// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/poll.hpp"

#include <cerrno>
#include <ctime>

namespace multiprocessing::os {

std::size_t poll_set::add(int fd) {
    entries_.push_back({fd, POLLIN, 0});
    return entries_.size() - 1;
}

std::size_t poll_set::add_writer(int fd) {
    entries_.push_back({fd, POLLOUT, 0});
    return entries_.size() - 1;
}

std::size_t poll_set::wait(steady_time deadline) {
    using namespace std::chrono;
    for (;;) {
        const auto now = steady_clock::now();
        const auto left = deadline > now ? deadline - now : steady_clock::duration::zero();
        const auto whole = duration_cast<seconds>(left);
        const timespec timeout{static_cast<time_t>(whole.count()),
                               static_cast<long>(nanoseconds(left - whole).count())};
        const bool for_ever = deadline == steady_time::max();
        const int ready = ::ppoll(entries_.data(), entries_.size(), for_ever ? nullptr : &timeout, nullptr);
        if (ready >= 0) {
            return static_cast<std::size_t>(ready);
        }
        if (errno == EINVAL) { // fewer descriptors than these are allowed by now
            if (const auto found = look_at_each(); found != 0 || deadline <= now) {
                return found;
            }
            constexpr timespec pause{0, 10'000'000};
            ::nanosleep(&pause, nullptr);
        } else if (errno != EINTR) {
            throw_errno("cannot wait for other processes");
        }
    }
}

/// One at a time, which is always allowed; how many are ready.
std::size_t poll_set::look_at_each() {
    std::size_t found = 0;
    for (auto& each : entries_) {
        found += ::poll(&each, 1, 0) == 1 ? 1 : 0;
    }
    return found;
}

signals_blocked::signals_blocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
}

signals_blocked::~signals_blocked() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

} // namespace multiprocessing::os
