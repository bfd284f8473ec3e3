// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// What a process that crashes says about the place.
namespace multiprocessing::os {

/// Enough to see how a recursion without end goes round; a stack that does not end says no more in the
/// middle.
inline constexpr std::size_t most_frames = 64;

/// What stands at the beginning of a report; behind it the lines of /proc/self/maps that tell where code is.
///
///     | magic | signal | addresses of frames, ended by 0 | 5590c2a3d000-5590c2a9f000 r-xp 00016000 ... /a/b
struct crash_report {
    static constexpr std::uint64_t expected_magic = 0x3168'7361'7263'706d;

    std::uint64_t magic;
    std::int64_t signal;
    std::array<std::uint64_t, most_frames> frames;
};

/// A place in a process that has crashed.
struct crash_frame {
    std::uint64_t address = 0;
    std::string module{};          ///< the file that the code came from; empty when it is not known
    std::uint64_t file_offset = 0; ///< of the code in it
    bool operator==(const crash_frame&) const = default;
};

struct crash {
    int signal = 0;
    std::vector<crash_frame> frames{}; ///< the innermost first
};

/// Whether a packet is meant as a report: it begins as one does.
[[nodiscard]] bool is_crash_report(std::span<const std::byte> packet) noexcept;

/// Reads a report that comes from somebody who may write anything: empty when it is none. The modules are
/// what it says, and need not exist.
std::optional<crash> read_crash_report(std::span<const std::byte> report);

} // namespace multiprocessing::os
