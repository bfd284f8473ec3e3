// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

namespace multiprocessing::detail {

/// Lets go of the arrays that this process has kept open for the next handle, but for those in use.
void forget_unused_arrays() noexcept;

} // namespace multiprocessing::detail
