// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/settings.hpp"

#include <unistd.h>

namespace multiprocessing::os {

setting own_group() {
    return {"cannot give it a process group of its own", [] { return ::setpgid(0, 0) == 0; }};
}

} // namespace multiprocessing::os
