// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

/// What a new process gets of its own between fork and exec, instead of what it has from its parent.
namespace multiprocessing::os {

/// Prepared before the fork, made after it.
struct setting {
    std::string failure;        ///< what to say when it cannot be made: what it was, and what may help
    std::function<bool()> make; ///< async-signal-safe; when false, `errno` says why
};

/// A process group of its own, with its own process id as number.
[[nodiscard]] setting own_group();

} // namespace multiprocessing::os
