// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/progress.hpp>

#include "os/copy.hpp"
#include "os/pipe.hpp"
#include "os/terminal.hpp"
#include "progress/text.hpp"
#include "start/log.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

namespace multiprocessing::detail {
namespace {

constexpr std::size_t usual_columns = 80; // where nobody knows
constexpr std::chrono::milliseconds between_bars{100};
constexpr std::chrono::seconds between_lines{5};

constexpr std::array<std::string_view, 4> names{"adaptive", "bar", "lines", "none"};

/// What the environment asks for, or the options.
progress_style wanted_style(const progress_options& options) {
    constexpr const char* variable = "MULTIPROCESSING_PROGRESS";
    const char* wanted = std::getenv(variable);
    if (wanted == nullptr) {
        return options.style;
    }
    const auto found = std::ranges::find(names, std::string_view(wanted));
    if (found == names.end()) {
        note(log_level::warning,
             [&] { return std::string(variable) + " is none of adaptive, bar, lines, none: " + wanted; });
        return options.style;
    }
    return static_cast<progress_style>(found - names.begin());
}

progress_style chosen_style(const progress_options& options) {
    const auto style = wanted_style(options);
    if (style != progress_style::adaptive) {
        return style;
    }
    return os::is_capable_terminal(options.descriptor) ? progress_style::bar : progress_style::lines;
}

} // namespace

struct progress_meter::display {
    display(const progress_options& options, std::optional<std::size_t> total, bool draws_bar)
        : state{.description = options.description, .total = options.total ? options.total : total},
          descriptor(options.descriptor),
          is_bar(draws_bar) {
        if (is_bar) {
            line.emplace(descriptor);
        }
    }

    void draw(std::size_t done, std::chrono::steady_clock::time_point now) {
        state.done = done;
        state.elapsed = now - start;
        if (is_bar) { // the last column stays free: some terminals begin a new line behind it
            const auto columns = os::columns_of(descriptor).value_or(usual_columns);
            write(std::string(line->before_drawing()) + progress_bar(state, columns - 1));
        } else {
            write(progress_line(state) + "\n");
        }
    }

    void write(const std::string& text) const noexcept {
        if (maker.is_this_process()) { // a copy of it does not show the same once more
            os::write_at_once(descriptor, text);
        }
    }

    const os::maker maker;
    progress_state state;
    const int descriptor;
    const bool is_bar;
    const std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
    std::optional<os::drawn_line> line;
};

progress_meter::progress_meter(const progress_options& options, std::optional<std::size_t> total) {
    const auto style = chosen_style(options);
    const bool is_bar = style == progress_style::bar;
    interval_ = options.interval.value_or(is_bar ? std::chrono::nanoseconds(between_bars)
                                                 : std::chrono::nanoseconds(between_lines));
    if (interval_ < std::chrono::nanoseconds::zero()) {
        throw std::invalid_argument("multiprocessing::progress: an interval cannot be negative");
    }
    if (style != progress_style::none) {
        display_ = std::make_unique<display>(options, total, is_bar);
        next_ = is_bar ? display_->start : deadline_after(interval_);
    }
}

progress_meter::~progress_meter() {
    finish();
}

void progress_meter::show(std::size_t done) {
    done_ = done;
    if (!display_) {
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= next_) {
        display_->draw(done, now);
        next_ = deadline_after(interval_);
    }
}

void progress_meter::finish() noexcept {
    if (const auto last = std::move(display_)) {
        try {
            last->draw(done_, std::chrono::steady_clock::now());
            if (last->is_bar) {
                last->write("\n");
            }
        } catch (const std::exception&) { // no memory for a text
        }
    }
}

std::chrono::nanoseconds progress_meter::interval() const noexcept {
    return interval_;
}

} // namespace multiprocessing::detail
