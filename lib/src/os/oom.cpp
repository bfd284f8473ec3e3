// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/oom.hpp"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <vector>

namespace multiprocessing::os {
namespace {

std::vector<std::string_view> split(std::string_view text, char delimiter) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const auto size = std::min(text.find(delimiter), text.size());
        parts.push_back(text.substr(0, size));
        text.remove_prefix(std::min(size + 1, text.size()));
    }
    return parts;
}

bool lists_memory(std::string_view options) {
    return std::ranges::count(split(options, ','), "memory") != 0;
}

/// A process's group in the hierarchy that limits its memory.
struct memory_group {
    bool version_1 = false;
    std::string_view path{};
};

/// In lines "4:memory:/path" of version 1 and "0::/path" of version 2. Where both are in use, the former has
/// the memory.
std::optional<memory_group> group_in(std::string_view groups) {
    std::optional<memory_group> found;
    for (auto line : split(groups, '\n')) {
        const auto controllers_at = line.find(':') + 1;
        const auto path_at = line.find(':', controllers_at) + 1; // a path may hold colons as well
        if (controllers_at == 0 || path_at == 0) {
            continue;
        }
        const auto controllers = line.substr(controllers_at, path_at - 1 - controllers_at);
        if (lists_memory(controllers)) {
            return memory_group{true, line.substr(path_at)};
        }
        if (controllers.empty()) {
            found = memory_group{false, line.substr(path_at)};
        }
    }
    return found;
}

/// mountinfo writes a blank in a name as \040.
std::string unescaped(std::string_view name) {
    std::string result;
    for (std::size_t i = 0; i != name.size(); ++i) {
        const auto digits = name.substr(i + 1, 3);
        if (name[i] == '\\' && digits.size() == 3 && digits.find_first_not_of("01234567") == digits.npos) {
            result.push_back(
                static_cast<char>((digits[0] - '0') * 64 + (digits[1] - '0') * 8 + digits[2] - '0'));
            i += 3;
        } else {
            result.push_back(name[i]);
        }
    }
    return result;
}

std::string content_of(const char* path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

} // namespace

std::string oom_kills_file(std::string_view groups, std::string_view mounts) {
    const auto group = group_in(groups);
    if (!group) {
        return {};
    }
    for (const auto line : split(mounts, '\n')) {
        // id parent device root mount-point options... - type source super-options
        const auto fields = split(line, ' ');
        const auto separator = std::ranges::find(fields, "-");
        if (fields.end() - separator < 4 || separator - fields.begin() < 6) {
            continue;
        }
        const bool fits = group->version_1 ? separator[1] == "cgroup" && lists_memory(separator[3])
                                           : separator[1] == "cgroup2";
        const auto root = fields[3] == "/" ? std::string() : unescaped(fields[3]);
        const bool is_below = group->path == root || group->path.starts_with(root + "/");
        if (fits && is_below) {
            return unescaped(fields[4]) + std::string(group->path.substr(root.size())) +
                   (group->version_1 ? "/memory.oom_control" : "/memory.events");
        }
    }
    return {};
}

std::optional<std::uint64_t> oom_kills_in(const std::string& file_name) {
    std::ifstream file(file_name);
    std::string name;
    std::uint64_t count = 0;
    while (file >> name >> count) {
        if (name == "oom_kill") {
            return count;
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> oom_kills() {
    // Processes are moved between groups; what is mounted stays.
    static const auto mounts = content_of("/proc/self/mountinfo");
    const auto file = oom_kills_file(content_of("/proc/self/cgroup"), mounts);
    return file.empty() ? std::nullopt : oom_kills_in(file);
}

} // namespace multiprocessing::os
