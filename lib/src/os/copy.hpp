// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <atomic>
#include <unistd.h>
#include <utility>
#include <vector>

/// Copies of this process, made by somebody's `fork`. A copy has all objects, but none of the children and
/// threads that they stand for: its destructors must not end what belongs to the original.
namespace multiprocessing::os {

/// How many copies this process, and those that it is a copy of, have forked.
[[nodiscard]] unsigned copies_so_far() noexcept;

/// Remembers which process made it.
class maker {
public:
    [[nodiscard]] bool is_this_process() const noexcept { return pid_ == ::getpid(); }
    /// Whether there have been copies of it: processes that have what it belongs to without anybody having
    /// counted them. This may be one.
    [[nodiscard]] bool has_copies() const noexcept { return copies_before_ != copies_so_far(); }

private:
    pid_t pid_ = ::getpid();
    unsigned copies_before_ = copies_so_far();
};

/// Keeps an object for ever, undestroyed: in a copy it may wait for a thread that is not there, or for a
/// mutex that another thread held at the fork.
template <class Pointer>
void abandon(Pointer object) {
    static auto& kept = *new std::vector<Pointer>; // where leak checkers see it
    kept.push_back(std::move(object));
}

/// The one T of this process: made when somebody first asks for it, and never destroyed, since objects with
/// static lifetime may need it to the end. A copy of this process gets its own: the mutex of the original's
/// may be locked there for ever.
template <class T>
T& only_one_here() {
    struct owned {
        maker owner{};
        T object{};
    };
    static std::atomic<owned*> current{new owned};
    auto* here = current.load();
    if (here->owner.has_copies() && !here->owner.is_this_process()) {
        auto* own = new owned;
        if (current.compare_exchange_strong(here, own)) {
            abandon(here);
            return own->object;
        }
        delete own; // another thread was faster
    }
    return here->object;
}

} // namespace multiprocessing::os
