// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/crash_report.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace multiprocessing::os {
namespace {

struct code_mapping {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t file_offset = 0;
    std::string_view file{};
};

/// Takes what is before `delimiter`, and the delimiter, off the front.
std::string_view take_until(std::string_view& text, char delimiter) {
    const auto size = std::min(text.find(delimiter), text.size());
    const auto taken = text.substr(0, size);
    text.remove_prefix(std::min(size + 1, text.size()));
    return taken;
}

std::optional<std::uint64_t> hexadecimal(std::string_view digits) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number)
                                                                        : std::nullopt;
}

/// "begin-end permissions offset device inode    path". What is no such line is a mapping of nothing.
code_mapping mapping_in(std::string_view line) {
    const auto begin = hexadecimal(take_until(line, '-'));
    const auto end = hexadecimal(take_until(line, ' '));
    take_until(line, ' ');
    const auto file_offset = hexadecimal(take_until(line, ' '));
    take_until(line, ' ');
    take_until(line, ' ');
    const auto path = line.find('/');
    if (!begin || !end || !file_offset || path == std::string_view::npos) {
        return {};
    }
    return {*begin, *end, *file_offset, line.substr(path)};
}

std::vector<code_mapping> mappings_in(std::string_view text) {
    std::vector<code_mapping> found;
    while (!text.empty()) {
        found.push_back(mapping_in(take_until(text, '\n')));
    }
    return found;
}

} // namespace

bool is_crash_report(std::span<const std::byte> packet) noexcept {
    const auto magic = crash_report::expected_magic;
    return packet.size() >= sizeof magic && std::memcmp(packet.data(), &magic, sizeof magic) == 0;
}

std::optional<crash> read_crash_report(std::span<const std::byte> report) {
    crash_report head;
    if (report.size() < sizeof head) {
        return std::nullopt;
    }
    std::memcpy(&head, report.data(), sizeof head);
    if (head.magic != crash_report::expected_magic || head.signal <= 0 || head.signal > INT8_MAX) {
        return std::nullopt;
    }
    const auto rest = report.subspan(sizeof head);
    const auto modules = mappings_in({reinterpret_cast<const char*>(rest.data()), rest.size()});
    crash found{.signal = static_cast<int>(head.signal)};
    for (const auto address : head.frames) {
        if (address == 0) {
            break;
        }
        const auto module = std::ranges::find_if(
            modules, [&](const auto& each) { return address >= each.begin && address < each.end; });
        if (module == modules.end()) {
            found.frames.push_back({.address = address});
        } else {
            found.frames.push_back(
                {address, std::string(module->file), address - module->begin + module->file_offset});
        }
    }
    return found;
}

} // namespace multiprocessing::os
