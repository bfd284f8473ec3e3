// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/event_set.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <ctime>

namespace multiprocessing::os {
namespace {

timespec time_until(steady_time deadline) {
    using namespace std::chrono;
    const auto now = steady_clock::now();
    const nanoseconds left = deadline > now ? deadline - now : steady_clock::duration::zero();
    const auto whole = duration_cast<seconds>(left);
    return {static_cast<time_t>(whole.count()), static_cast<long>((left - whole).count())};
}

/// To the nanosecond; to the millisecond above where the kernel is older than 5.11.
int wait_for_events(int epoll, std::span<epoll_event> events, steady_time deadline) {
    const bool for_ever = deadline == steady_time::max();
    const auto timeout = for_ever ? timespec{} : time_until(deadline);
    const auto room = static_cast<int>(events.size());
    const int ready = ::epoll_pwait2(epoll, events.data(), room, for_ever ? nullptr : &timeout, nullptr);
    if (ready >= 0 || (errno != ENOSYS && errno != EPERM)) { // a sandbox may not know it
        return ready;
    }
    constexpr long in_a_millisecond = 1'000'000;
    constexpr time_t longest = INT_MAX / 1000 - 1;
    const auto milliseconds = std::min(timeout.tv_sec, longest) * 1000 +
                              (timeout.tv_nsec + in_a_millisecond - 1) / in_a_millisecond;
    return ::epoll_wait(epoll, events.data(), room, for_ever ? -1 : static_cast<int>(milliseconds));
}

} // namespace

event_set::event_set() : epoll_(new_descriptor(::epoll_create1(EPOLL_CLOEXEC))) {
    if (!epoll_) {
        throw_errno("cannot create an epoll");
    }
}

void event_set::add(int fd, tag name) {
    add(fd, name, EPOLLIN);
}

void event_set::add_bell(int fd, tag name) {
    add(fd, name, EPOLLIN | EPOLLET);
}

void event_set::add(int fd, tag name, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = name;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
        throw_errno("cannot wait for another process");
    }
}

void event_set::remove(int fd) noexcept {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::span<const event_set::tag> event_set::wait(steady_time deadline) {
    std::array<epoll_event, most_at_once> events;
    int ready = -1;
    while (ready < 0) {
        ready = wait_for_events(epoll_.get(), events, deadline);
        if (ready < 0 && errno != EINTR) {
            throw_errno("cannot wait for other processes");
        }
    }
    const auto count = static_cast<std::size_t>(ready);
    std::transform(events.begin(), events.begin() + ready, ready_.begin(),
                   [](const epoll_event& event) { return event.data.u64; });
    return std::span(ready_).first(count);
}

} // namespace multiprocessing::os
