// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/mutex.hpp"

#include "ipc/named_object.hpp"
#include "ipc/occasion.hpp"
#include "os/process.hpp"

#include <multiprocessing/synchronization.hpp>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace multiprocessing::detail {

bool shared_mutex_state::try_lock() {
    const auto result = mutex_.try_lock();
    return result != os::lock_result::held && note(result);
}

/// In slices: of two that wait the first may be killed just after it was woken, and a third who then finds
/// the mutex free does not know that anybody is to be woken.
bool shared_mutex_state::lock_until(const wait_limit& limit) {
    const auto attempt = [&] { return note(mutex_.try_lock()); };
    if (attempt() || try_for_a_while(limit.deadline, attempt)) {
        return true;
    }
    for (;;) {
        const bool is_last = limit.is_over();
        const auto slice = std::chrono::steady_clock::now() + longest_oversleep;
        if (note(mutex_.lock_until(is_last ? steady_time::min() : std::min(limit.deadline, slice)))) {
            return true;
        }
        if (is_last) {
            return false;
        }
    }
}

void shared_mutex_state::unlock() {
    bool is_held = is_held_by_this_thread();
    if (is_held) {
        const auto depth = depth_.load(std::memory_order_relaxed);
        depth_.store(depth - 1, std::memory_order_relaxed);
        if (depth == 1) {
            holder_.store(0, std::memory_order_relaxed);
        }
        is_held = mutex_.unlock();
    }
    if (!is_held) {
        throw std::system_error(std::make_error_code(std::errc::operation_not_permitted),
                                "multiprocessing: a mutex is unlocked by a thread that does not hold it");
    }
}

std::uint32_t shared_mutex_state::unlock_all() {
    const auto times = std::max<std::uint32_t>(1, depth_.load(std::memory_order_relaxed));
    for (auto i = times; i != 0; --i) {
        unlock();
    }
    return times;
}

void shared_mutex_state::lock_times(std::uint32_t times) {
    for (; times != 0; --times) {
        lock_until(os::steady_time::max());
    }
}

bool shared_mutex_state::is_inherited() const noexcept {
    return is_held_by_this_thread() && inherited_.load(std::memory_order_relaxed) != 0;
}

bool shared_mutex_state::is_held_by_this_thread() const noexcept {
    return holder_.load(std::memory_order_relaxed) == os::this_thread();
}

bool shared_mutex_state::is_held_by_this_process() const noexcept {
    const auto holder = holder_.load(std::memory_order_relaxed);
    return holder != 0 && os::is_thread_of_this_process(holder);
}

bool shared_mutex_state::note(os::lock_result result) {
    switch (result) {
    case os::lock_result::locked:
    case os::lock_result::inherited:
        break;
    case os::lock_result::not_locked:
        return false;
    case os::lock_result::held:
        throw std::system_error(std::make_error_code(std::errc::resource_deadlock_would_occur),
                                "multiprocessing: a mutex is locked by the thread that holds it");
    case os::lock_result::refused:
        os::throw_refused(EINVAL, "cannot lock a mutex: another process has written over its memory");
    }
    const auto self = os::this_thread();
    const bool is_inherited = result == os::lock_result::inherited;
    // A dead thread may have had the same number, but from that one the mutex is inherited.
    const bool is_again = !is_inherited && holder_.load(std::memory_order_relaxed) == self;
    depth_.store(is_again ? depth_.load(std::memory_order_relaxed) + 1 : 1, std::memory_order_relaxed);
    if (!is_again) {
        holder_.store(self, std::memory_order_relaxed);
        inherited_.store(is_inherited ? 1 : 0, std::memory_order_relaxed);
    }
    return true;
}

namespace {

bool is_held_here(const std::byte* state) {
    return std::launder(reinterpret_cast<const shared_mutex_state*>(state))->is_held_by_this_process();
}

constexpr object_kind plain_kind{"mutex", sizeof(shared_mutex_state), &is_held_here};
constexpr object_kind recursive_kind{"recursive_mutex", sizeof(shared_mutex_state), &is_held_here};

std::shared_ptr<named_object> make_mutex(const object_kind& kind, os::robust_mutex::kind behaviour) {
    auto object = make_object(kind, sizeof(shared_mutex_state));
    object->set_up<shared_mutex_state>(behaviour);
    return object;
}

} // namespace

void any_mutex::lock() {
    state().lock_until(steady_time::max());
}
bool any_mutex::try_lock() {
    return state().try_lock();
}
bool any_mutex::try_lock_before(const wait_limit& limit) {
    return state().lock_until(limit);
}
void any_mutex::unlock() {
    state().unlock();
}
bool any_mutex::owner_died() const noexcept {
    return state().is_inherited();
}
shared_mutex_state& any_mutex::state() const noexcept {
    return object().state<shared_mutex_state>();
}

} // namespace multiprocessing::detail

namespace multiprocessing {

mutex::mutex() : any_mutex(detail::make_mutex(detail::plain_kind, os::robust_mutex::kind::checked)) {}
mutex::mutex(opened, const std::string& name) : any_mutex(detail::open_object(detail::plain_kind, name)) {}

recursive_mutex::recursive_mutex()
    : any_mutex(detail::make_mutex(detail::recursive_kind, os::robust_mutex::kind::recursive)) {}
recursive_mutex::recursive_mutex(opened, const std::string& name)
    : any_mutex(detail::open_object(detail::recursive_kind, name)) {}

} // namespace multiprocessing
