// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/poll.hpp"

#include <cerrno>
#include <ctime>
#include <stop_token>

namespace multiprocessing::os {

std::size_t poll_set::add(int fd) {
    entries_.push_back({fd, POLLIN, 0});
    return entries_.size() - 1;
}

std::size_t poll_set::add_writer(int fd) {
    entries_.push_back({fd, POLLOUT, 0});
    return entries_.size() - 1;
}

/// For a process that has more descriptors than it may have now, and so may not poll all at once.
std::size_t poll_set::look_one_by_one() {
    std::size_t ready = 0;
    for (auto& entry : entries_) {
        const timespec at_once{};
        const int one = ::ppoll(&entry, 1, &at_once, nullptr);
        if (one < 0 && errno != EINTR) {
            throw_errno("cannot wait for other processes");
        }
        ready += one > 0 ? 1 : 0;
    }
    return ready;
}

std::size_t poll_set::wait(const wait_limit& limit) {
    if (!limit.stop.stop_possible()) {
        return wait_until(limit.deadline);
    }
    const auto stopped = make_flag();
    const std::stop_callback wake(limit.stop, [&stopped] { set_flag(stopped.get()); });
    const auto place = add(stopped.get());
    const auto ready = wait_until(limit.deadline) - (is_readable(place) ? 1 : 0);
    entries_.pop_back();
    return ready;
}

std::size_t poll_set::wait_until(steady_time deadline) {
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
        if (errno == EINVAL && entries_.size() > 1) {
            const auto readable = look_one_by_one();
            if (readable != 0 || now >= deadline) {
                return readable;
            }
            const timespec a_moment{0, 1'000'000};
            ::nanosleep(&a_moment, nullptr);
        } else if (errno != EINTR) {
            throw_errno("cannot wait for other processes");
        }
    }
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
