// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/settings.hpp"

#include <algorithm>
#include <cerrno>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

namespace multiprocessing::os {
namespace {

/// `slack` is how much more the hard limit is than the one at which the kernel warns.
setting limit(decltype(RLIMIT_AS) resource, std::size_t most, std::size_t slack, const std::string& what) {
    return {"cannot limit " + what + " (only a privileged process may go beyond its own hard limit)", [=] {
                rlimit limits{};
                if (::getrlimit(resource, &limits) != 0) {
                    return false;
                }
                limits.rlim_cur = most;
                limits.rlim_max = std::max<rlim_t>(most, std::min<rlim_t>(limits.rlim_max, most + slack));
                return ::setrlimit(resource, &limits) == 0;
            }};
}

} // namespace

setting own_group() {
    return {"cannot give it a process group of its own", [] { return ::setpgid(0, 0) == 0; }};
}

setting address_space_limit(std::size_t bytes) {
    return limit(RLIMIT_AS, bytes, 0, "its address space to " + std::to_string(bytes) + " bytes");
}

setting data_limit(std::size_t bytes) {
    return limit(RLIMIT_DATA, bytes, 0, "its data to " + std::to_string(bytes) + " bytes");
}

setting open_files_limit(std::size_t count) {
    return limit(RLIMIT_NOFILE, count, 0, "its open files to " + std::to_string(count));
}

setting core_size_limit(std::size_t bytes) {
    return limit(RLIMIT_CORE, bytes, 0, "its core dump to " + std::to_string(bytes) + " bytes");
}

setting cpu_time_limit(std::size_t seconds) {
    return limit(RLIMIT_CPU, seconds, 1, "its CPU time to " + std::to_string(seconds) + " s");
}

setting more_niceness(int increment) {
    return {"cannot add " + std::to_string(increment) +
                " to its niceness (only a privileged process may lower it)",
            [=] {
                constexpr int range = 40; // there is no more between the nicest and the least nice
                errno = 0;
                const int inherited = ::getpriority(PRIO_PROCESS, 0);
                return errno == 0 &&
                       ::setpriority(PRIO_PROCESS, 0, inherited + std::clamp(increment, -range, range)) == 0;
            }};
}

setting only_cpu(int number) {
    std::vector<cpu_set_t> mask(static_cast<std::size_t>(number / CPU_SETSIZE + 1));
    const auto size = mask.size() * sizeof(cpu_set_t);
    CPU_ZERO_S(size, mask.data());
    CPU_SET_S(number, size, mask.data());
    return {"cannot bind it to CPU " + std::to_string(number) +
                " (which this process could use when the pool was made)",
            [=] { return ::sched_setaffinity(0, size, mask.data()) == 0; }};
}

setting working_directory(std::string path) {
    return {"cannot change to its working directory " + path +
                " (which has to exist, and this user to be allowed to enter it)",
            [path] { return ::chdir(path.c_str()) == 0; }};
}

} // namespace multiprocessing::os
