// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>

namespace multiprocessing::os {

/// How this machine calls itself.
[[gnu::visibility("default")]] [[nodiscard]] std::string host_name();

} // namespace multiprocessing::os
