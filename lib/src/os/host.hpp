// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <string>

namespace multiprocessing::os {

/// How this machine calls itself.
[[gnu::visibility("default")]] [[nodiscard]] std::string host_name();
/// Whether that is a name or an address of this machine. Finding out the address of a name may take long.
[[gnu::visibility("default")]] [[nodiscard]] bool is_this_host(const std::string& name);

} // namespace multiprocessing::os
