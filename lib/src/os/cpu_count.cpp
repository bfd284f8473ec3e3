// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/settings.hpp"

#include <multiprocessing/context.hpp>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <optional>
#include <sched.h>
#include <string>
#include <unistd.h>
#include <vector>

namespace multiprocessing {
namespace os {

std::vector<int> usable_cpus() {
    std::vector<int> result;
    // The kernel refuses a mask that is smaller than its own; machines grow.
    for (int cpus = CPU_SETSIZE; cpus <= 64 * CPU_SETSIZE; cpus *= 2) {
        std::vector<cpu_set_t> mask(static_cast<std::size_t>(cpus / CPU_SETSIZE));
        const auto size = mask.size() * sizeof(cpu_set_t);
        if (::sched_getaffinity(0, size, mask.data()) == 0) {
            for (int cpu = 0; cpu != cpus; ++cpu) {
                if (CPU_ISSET_S(cpu, size, mask.data())) {
                    result.push_back(cpu);
                }
            }
            return result;
        }
    }
    result.resize(static_cast<std::size_t>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN))));
    std::iota(result.begin(), result.end(), 0);
    return result;
}

} // namespace os
namespace {

/// The quota in a `cpu.max` file, "max 100000" or "150000 100000", in CPUs.
std::optional<double> quota_in(const std::string& file_name) {
    std::ifstream file(file_name);
    std::string quota;
    double period = 0;
    if (!(file >> quota >> period) || quota == "max" || period <= 0) {
        return std::nullopt;
    }
    return std::stod(quota) / period;
}

/// The smallest quota on the way from this process's control group to the root.
std::optional<double> control_group_quota() {
    std::ifstream groups("/proc/self/cgroup");
    std::string line;
    while (std::getline(groups, line)) {
        if (!line.starts_with("0::")) {
            continue; // of version 1
        }
        std::optional<double> smallest;
        for (auto group = line.substr(3);; group.resize(group.rfind('/'))) {
            if (const auto quota = quota_in("/sys/fs/cgroup" + group + "/cpu.max")) {
                smallest = std::min(smallest.value_or(*quota), *quota);
            }
            if (group.find('/') == std::string::npos) {
                break;
            }
        }
        return smallest;
    }
    return std::nullopt;
}

} // namespace

std::size_t cpu_count() {
    auto cpus = os::usable_cpus().size();
    if (const auto quota = control_group_quota()) {
        cpus = std::min(cpus, static_cast<std::size_t>(std::ceil(*quota)));
    }
    return std::max<std::size_t>(1, cpus);
}

} // namespace multiprocessing
