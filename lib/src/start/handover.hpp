// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <multiprocessing/context.hpp>
#include <multiprocessing/serialize.hpp>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// What a child needs to know. One that was forked has it in its memory; one that was re-executed in a sealed
/// memfd whose number is in the environment variable; one of the fork server in a memfd that comes with the
/// request.
struct handover {
    static constexpr std::uint64_t expected_magic = 0x3230'676e'6970'6f72;
    static constexpr const char* variable = "MULTIPROCESSING_HANDOVER";

    std::uint64_t magic = expected_magic;
    std::int64_t parent_pid = 0;
    int parent = -1;   ///< a pidfd of the parent, opened by itself: the lifeline
    int detached = -1; ///< flag: outlive the parent
    std::vector<int> inherited{};
    std::string name{};
    std::string parent_name{};
    std::uint8_t default_method = 0; ///< the parent's `get_start_method`
    std::uint8_t log_level = 0;      ///< the parent's
    bool is_fork_server = false;     ///< which looks after its parent itself, without a thread
    bytes call{};
};

} // namespace multiprocessing::detail
