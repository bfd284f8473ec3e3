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

} // namespace multiprocessing

#pragma GCC visibility pop
