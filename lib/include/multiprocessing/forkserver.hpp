// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/function.hpp>

#pragma GCC visibility push(default)

/// The process that forks those whose start method is `forkserver`. It is spawned when the first of them is
/// started, has one thread, ends with this process, and is replaced when somebody kills it: what it has
/// forked are this process's children and go on. Thread-safe.
namespace multiprocessing {

namespace detail {
void preload_in_forkserver(call function);
}

/// Has the fork server call `f(args...)` before it forks anybody: what is loaded and computed there once, all
/// its children have in their memory. It must not leave threads behind, nor use objects of this library. When
/// it throws, starting a process by the fork server throws `start_failed`. Throws `std::logic_error` while
/// the server runs, and what encoding the call throws.
template <class F, class... Args>
void set_forkserver_preload(F&& f, Args&&... args) {
    detail::preload_in_forkserver(detail::make_call(f, args...));
}

/// Ends the fork server, if it runs; the next start by it begins a new one. Waits until it has ended.
void stop_forkserver();

} // namespace multiprocessing

#pragma GCC visibility pop
