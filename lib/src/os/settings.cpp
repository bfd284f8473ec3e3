// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/settings.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace multiprocessing::os {
namespace {

setting limit(int resource, std::size_t most, std::size_t slack, const std::string& what) {
    return {.failure =
                "cannot limit " + what + " (only a privileged process may go beyond its own hard limit)",
            .what = setting::type::limit,
            .number = resource,
            .most = most,
            .slack = slack};
}

bool limit_resource(int number, rlim_t most, rlim_t slack) noexcept {
    const auto resource = static_cast<__rlimit_resource>(number);
    rlimit limits{};
    if (::getrlimit(resource, &limits) != 0) {
        return false;
    }
    limits.rlim_cur = most;
    limits.rlim_max = std::max<rlim_t>(most, std::min<rlim_t>(limits.rlim_max, most + slack));
    return ::setrlimit(resource, &limits) == 0;
}

bool add_niceness(int increment) noexcept {
    constexpr int range = 40; // there is no more between the nicest and the least nice
    errno = 0;
    const int inherited = ::getpriority(PRIO_PROCESS, 0);
    return errno == 0 &&
           ::setpriority(PRIO_PROCESS, 0, inherited + std::clamp(increment, -range, range)) == 0;
}

/// No memory is to be asked for here: so many CPUs Linux can have.
constexpr std::size_t most_cpus = 8192;

bool bind_to_cpu(int number) noexcept {
    std::array<cpu_set_t, most_cpus / CPU_SETSIZE> mask;
    CPU_ZERO_S(sizeof mask, mask.data());
    CPU_SET_S(number, sizeof mask, mask.data());
    return ::sched_setaffinity(0, sizeof mask, mask.data()) == 0;
}

} // namespace

bool setting::make() const noexcept {
    switch (what) {
    case type::group:
        return ::setpgid(0, 0) == 0;
    case type::limit:
        return limit_resource(number, most, slack);
    case type::niceness:
        return add_niceness(number);
    case type::cpu:
        return bind_to_cpu(number);
    case type::directory:
        return ::chdir(path.c_str()) == 0;
    }
    errno = EINVAL;
    return false;
}

setting own_group() {
    return {.failure = "cannot give it a process group of its own", .what = setting::type::group};
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
    return {.failure = "cannot add " + std::to_string(increment) +
                       " to its niceness (only a privileged process may lower it)",
            .what = setting::type::niceness,
            .number = increment};
}

setting only_cpu(int number) {
    return {.failure = "cannot bind it to CPU " + std::to_string(number) +
                       " (which this process could use when the pool was made)",
            .what = setting::type::cpu,
            .number = number};
}

setting working_directory(std::string path) {
    return {.failure = "cannot change to its working directory " + path +
                       " (which has to exist, and this user to be allowed to enter it)",
            .what = setting::type::directory,
            .path = std::move(path)};
}

} // namespace multiprocessing::os
