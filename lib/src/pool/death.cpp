// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/death.hpp"

#include <string_view>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// So many lines of what was written to stderr say what was wrong; what() is to fit on a screen.
constexpr int most_lines = 10;

std::string in_units(std::size_t bytes) {
    constexpr std::size_t mebibyte = std::size_t{1} << 20;
    return bytes < mebibyte ? std::to_string(bytes / 1024) + " KiB"
                            : std::to_string(bytes / mebibyte) + " MiB";
}

std::string_view last_lines(std::string_view text) {
    text = text.substr(0, text.find_last_not_of('\n') + 1);
    auto start = text.size();
    for (int lines = 0; lines != most_lines && start != 0 && start != text.npos; ++lines) {
        start = text.rfind('\n', start - 1);
    }
    return start == text.npos || start == 0 ? text : text.substr(start + 1);
}

/// A line each, indented. What a worker says of itself may hold anything; what a terminal would obey, and
/// what would end what(), is replaced.
void append_indented(std::string& text, std::string_view lines) {
    bool at_line_start = true;
    for (const char c : lines) {
        if (std::exchange(at_line_start, c == '\n')) {
            text += "\n    ";
        }
        if (c != '\n') {
            const auto code = static_cast<unsigned char>(c);
            text += (code < ' ' && c != '\t') || code == 0x7f ? '?' : c;
        }
    }
}

worker_died make_error(death how, std::uint64_t task, std::string function, std::string text,
                       const wording& words) {
    auto& details = how.details;
    details.task = task;
    details.function = std::move(function);
    text += "\n  " + words.task + " " + std::to_string(task);
    if (details.core_dumped) {
        text += ", core dumped";
    }
    if (details.peak_memory) {
        text += ", peak memory " + in_units(*details.peak_memory);
    }
    if (!details.stack_trace.empty()) {
        text += "\n  stack:";
        append_indented(text, details.stack_trace);
    }
    if (const auto lines = last_lines(details.last_output); !lines.empty()) {
        text += how.output_is_the_tasks ? "\n  last lines that the " + words.task + " printed:"
                                        : "\n  last lines that the " + words.worker + " wrote to stderr:";
        append_indented(text, lines);
    }
    return {how.pid, how.exit_code, text, std::move(details)};
}

} // namespace

worker_died error_of_running(death how, std::uint64_t task, std::string function, const std::string& attempts,
                             const wording& words) {
    auto first_line = how.epitaph + " while running " + function + attempts;
    return make_error(std::move(how), task, std::move(function), std::move(first_line), words);
}

worker_died error_of_waiting(death how, std::uint64_t task, std::string function, bool workers_are_replaced,
                             const wording& words) {
    auto first_line = workers_are_replaced
                          ? words.cannot_start + ": " + how.epitaph
                          : function + " did not run: " + how.epitaph + ", and is not replaced";
    return make_error(std::move(how), task, std::move(function), std::move(first_line), words);
}

} // namespace multiprocessing::detail
