// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// What `ps -L` and debuggers show of the calling thread; the first 15 bytes count.
void name_this_thread(const char* name) noexcept;

} // namespace multiprocessing::detail

#pragma GCC visibility pop
