// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "progress/text.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace multiprocessing::detail {
namespace {

/// A bar that is shorter shows nothing that the number does not.
constexpr std::size_t shortest_bar = 10;

template <class... Values>
std::string formatted(const char* format, Values... values) {
    std::array<char, 64> text{};
    const auto size = std::snprintf(text.data(), text.size(), format, values...);
    return {text.data(), std::min(static_cast<std::size_t>(size), text.size() - 1)};
}

double seconds(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

/// "0:07", "12:34", "1:02:03"
std::string clock_text(double seconds) {
    constexpr double longest = 359'999; // 99:59:59: beyond that nobody counts seconds
    const auto all = static_cast<int>(std::min(seconds, longest));
    const int hours = all / 3600;
    const int minutes = all / 60 % 60;
    return hours != 0 ? formatted("%d:%02d:%02d", hours, minutes, all % 60)
                      : formatted("%d:%02d", minutes, all % 60);
}

/// "36.2/s", or how long each takes where that says more.
std::string rate_text(double per_second) {
    if (per_second < 1) {
        return formatted("%.3g s each", 1 / per_second);
    }
    return per_second < 1000 ? formatted("%.3g/s", per_second) : formatted("%.0f/s", per_second);
}

double share_done(const progress_state& state) {
    const auto total = state.total.value_or(0);
    return total == 0 ? 1 : std::min(1., static_cast<double>(state.done) / static_cast<double>(total));
}

std::string percent_text(const progress_state& state) {
    return formatted("%3d%%", static_cast<int>(100 * share_done(state)));
}

/// "squares: ". What a terminal would obey is replaced.
std::string heading(const progress_state& state) {
    auto text = state.description.empty() ? "" : state.description + ": ";
    constexpr unsigned char delete_key = 0x7f;
    std::ranges::replace_if(
        text, [](unsigned char c) { return c < ' ' || c == delete_key; }, '?');
    return text;
}

std::string count_text(const progress_state& state) {
    return std::to_string(state.done) + (state.total ? "/" + std::to_string(*state.total) : "");
}

/// ", 36.2/s, 0:12, 0:15 left". What is left is as fast as what is done has been.
std::string time_text(const progress_state& state) {
    const auto elapsed = seconds(state.elapsed);
    std::string text;
    if (state.done != 0 && elapsed > 0) {
        text += ", " + rate_text(static_cast<double>(state.done) / elapsed);
    }
    text += ", " + clock_text(elapsed);
    if (state.total && state.done != 0 && state.done < *state.total) {
        const auto left = static_cast<double>(*state.total - state.done) / static_cast<double>(state.done);
        text += ", " + clock_text(elapsed * left) + " left";
    }
    return text;
}

/// How many columns a byte of UTF-8 adds. Letters from beyond Europe may take two: so many are allowed for.
std::size_t columns_of(unsigned char c) {
    constexpr unsigned char first_of_three_bytes = 0xe0;
    const bool is_continuation = (c & 0xc0U) == 0x80U;
    return is_continuation ? 0 : c < first_of_three_bytes ? 1 : 2;
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) {
        columns += columns_of(static_cast<unsigned char>(c));
    }
    return columns;
}

std::string fitted(std::string text, std::size_t columns) {
    std::size_t taken = 0;
    for (std::size_t i = 0; i != text.size(); ++i) {
        const auto more = columns_of(static_cast<unsigned char>(text[i]));
        if (taken + more > columns) {
            text.resize(i);
            break;
        }
        taken += more;
    }
    return text.append(columns - taken, ' ');
}

} // namespace

std::string progress_line(const progress_state& state) {
    auto percent = percent_text(state);
    percent.erase(0, percent.find_first_not_of(' '));
    return heading(state) + count_text(state) + (state.total ? " (" + percent + ")" : "") + time_text(state);
}

std::string progress_bar(const progress_state& state, std::size_t columns) {
    const auto behind = count_text(state) + time_text(state);
    if (!state.total) {
        return fitted(heading(state) + behind, columns);
    }
    const auto before = heading(state) + percent_text(state) + " ";
    const auto needed = columns_of(before) + columns_of(behind) + std::string_view("[] ").size();
    if (columns < needed + shortest_bar) {
        return fitted(before + behind, columns);
    }
    const auto length = columns - needed;
    const auto full = static_cast<std::size_t>(share_done(state) * static_cast<double>(length));
    return fitted(before + "[" + std::string(full, '#') + std::string(length - full, '.') + "] " + behind,
                  columns);
}

} // namespace multiprocessing::detail
