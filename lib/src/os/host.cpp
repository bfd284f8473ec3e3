// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/host.hpp"

#include <array>
#include <unistd.h>

namespace multiprocessing::os {

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "this host";
}

} // namespace multiprocessing::os
