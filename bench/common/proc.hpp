// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <filesystem>
#include <fstream>
#include <string>

/// What the kernel counts of a process.
namespace bench {

/// The number after `key` in a file of /proc.
inline double proc_value(const std::filesystem::path& file, std::string_view key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(key)) {
            return std::stod(line.substr(key.size()));
        }
    }
    expect(false, "a file of /proc");
    return 0;
}

inline std::filesystem::path proc(long pid) {
    return std::filesystem::path("/proc") / std::to_string(pid);
}

/// KiB, where a page that several processes have counts in parts.
inline double proportional_set_size(long pid) {
    return proc_value(proc(pid) / "smaps_rollup", "Pss:");
}

struct usage {
    double cpu_seconds = 0;
    long switches = 0; ///< voluntary: how often a thread has gone to sleep

    usage& operator+=(const usage& other) {
        cpu_seconds += other.cpu_seconds;
        switches += other.switches;
        return *this;
    }
};

/// Of all threads of a process that are alive, but for one.
inline usage usage_of(long pid, long except = 0) {
    usage sum;
    for (const auto& thread : std::filesystem::directory_iterator(proc(pid) / "task")) {
        if (thread.path().filename() != std::to_string(except)) {
            // The first number of schedstat: nanoseconds on a CPU. utime and stime count in hundredths of a
            // second.
            sum += {proc_value(thread.path() / "schedstat", "") / 1e9,
                    static_cast<long>(proc_value(thread.path() / "status", "voluntary_ctxt_switches:"))};
        }
    }
    return sum;
}

} // namespace bench
