// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <atomic>
#include <unistd.h>
#include <utility>

/// Copies of this process, made by somebody's `fork`, or by the library for the start method of that name. A
/// copy has all objects, but none of the children and threads that they stand for: its destructors must not
/// end what belongs to the original.
namespace multiprocessing::os {

/// How many copies this process, and those that it is a copy of, have forked.
[[gnu::visibility("default")]] [[nodiscard]] unsigned copies_so_far() noexcept;

/// Forks a copy of the calling process which is not its child but its parent's, as is the calling process
/// itself. The process must have one thread only. As `fork`: 0 in the copy, -1 when there is none, and
/// `errno` says why. The kernel writes the copy's process id to `noted` before the copy runs, even if the
/// calling process is killed meanwhile.
[[nodiscard]] pid_t fork_sibling(pid_t& noted) noexcept;

/// Remembers which process made it.
class maker {
public:
    [[nodiscard]] bool is_this_process() const noexcept { return pid_ == ::getpid(); }
    /// Whether there have been copies of it: processes that have what it belongs to without anybody having
    /// counted them. This may be one.
    [[nodiscard]] bool has_copies() const noexcept { return copies_before_ != copies_so_far(); }
    /// As `is_this_process`, and the system is not asked where nobody has forked.
    [[nodiscard]] bool is_here() const noexcept { return !has_copies() || is_this_process(); }

private:
    pid_t pid_ = ::getpid();
    unsigned copies_before_ = copies_so_far();
};

/// Keeps an object for ever, undestroyed: in a copy it may wait for a thread that is not there, or for a
/// mutex that another thread held at the fork.
template <class Pointer>
void abandon(Pointer object) {
    struct kept {
        Pointer object;
        kept* next;
    };
    static std::atomic<kept*> last{nullptr}; // where leak checkers see it
    auto* const one = new kept{std::move(object), last.load()};
    while (!last.compare_exchange_weak(one->next, one)) {
    }
}

/// The T of this process. Never destroyed: what has static lifetime may need it to the end. A copy of this
/// process gets its own: a mutex in the original's may be locked there for ever.
template <class T>
T& one_per_process() {
    struct owned {
        maker user{};
        T object{};
    };
    static std::atomic<owned*> current{new owned};
    auto* const present = current.load();
    if (present->user.is_here()) {
        return present->object;
    }
    auto* expected = present;
    auto* const own = new owned;
    if (current.compare_exchange_strong(expected, own)) {
        abandon(present);
        return own->object;
    }
    delete own; // another thread was faster
    return expected->object;
}

} // namespace multiprocessing::os
