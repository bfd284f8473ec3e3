// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// What a new process gets of its own before it runs anything of the program, instead of what it has from its
/// parent.
namespace multiprocessing::os {

/// Prepared in the parent, made in the child. Data, so that it can travel to who forks the child.
struct setting {
    enum class type : std::uint8_t { group, limit, niceness, cpu, directory };

    std::string failure{}; ///< what to say when it cannot be made: what it was, and what may help
    type what = type::group;
    int number = 0; ///< of the resource that is limited, of the CPU; how much niceness
    std::uint64_t most = 0;
    std::uint64_t slack = 0; ///< how much more the hard limit is than the one at which the kernel warns
    std::string path{};

    /// Async-signal-safe; when false, `errno` says why.
    [[nodiscard]] bool make() const noexcept;
};

/// A process group of its own, with its own process id as number.
[[nodiscard]] setting own_group();

/// Limits of what the process may use. It cannot raise them again, unless it is privileged.
[[nodiscard]] setting address_space_limit(std::size_t bytes);
[[nodiscard]] setting data_limit(std::size_t bytes);
[[nodiscard]] setting open_files_limit(std::size_t count);
[[nodiscard]] setting core_size_limit(std::size_t bytes);
/// SIGXCPU when it has used so much, and once more every second; this kills it a second later for good.
[[nodiscard]] setting cpu_time_limit(std::size_t seconds);

/// So much more niceness than the parent's, within the bounds of the system.
[[nodiscard]] setting more_niceness(int increment);

/// The CPUs that the calling thread may use, at least one.
[[nodiscard]] std::vector<int> usable_cpus();
/// Only this CPU.
[[nodiscard]] setting only_cpu(int number);

/// Starts in this directory.
[[nodiscard]] setting working_directory(std::string path);

} // namespace multiprocessing::os
