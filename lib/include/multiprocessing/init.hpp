// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#pragma GCC visibility push(default)

namespace multiprocessing {

/// Makes this program able to start processes. Call it as the first statement of `main`.
///
/// In a process that this library started it runs that process's function, calls `std::exit` and never
/// returns: the rest of `main` is never reached in a child. Elsewhere it remembers the arguments (children
/// are started with the same ones, so that `ps` shows the program they belong to), removes names in shared
/// memory that belong to processes no longer alive, and returns. Calling it again has no effect.
///
/// Errors: none thrown. A child that cannot read its handover prints the reason and exits with code 1.
/// Threads: call it before any other thread exists.
void init(int argc, char** argv);

namespace detail {
/// What a library on top of this one does at the end of `init`, in processes of which nothing else has become
/// by then. There is one such library; it says so before `main`.
void at_end_of_init(void (*step)()) noexcept;
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
