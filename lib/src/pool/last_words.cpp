// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/last_words.hpp"

#include "os/terminal.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <tuple>

namespace multiprocessing::detail {

last_words::last_words() {
    std::tie(reading_end_, writing_end_) = os::make_pipe();
}

void last_words::forward() {
    for (std::size_t done = 0; done < most_in_a_turn; done += os::largest_write) {
        read(os::largest_write - std::min(os::largest_write, unwritten_.size()));
        if (unwritten_.empty()) {
            return;
        }
        held_up_ = !os::is_writable(os::standard_error);
        if (held_up_) {
            return;
        }
        // Lines of several workers are not to be mixed: one that is cut off waits for its rest, which most
        // likely is there.
        const bool is_cut_off = unwritten_.size() >= os::largest_write;
        const auto line_end = is_cut_off ? unwritten_.rfind('\n', os::largest_write - 1) : std::string::npos;
        write(line_end == std::string::npos ? os::largest_write : line_end + 1);
    }
    held_up_ = !unwritten_.empty(); // until the next turn
}

void last_words::drain() {
    for (std::size_t done = 0; done < most_after_death;) {
        const auto got = read(os::largest_write);
        if (got == 0) {
            break;
        }
        done += got;
    }
    reading_end_ = os::descriptor();
    forward();
}

std::size_t last_words::read(std::size_t room) {
    if (!reading_end_ || over_ || room == 0) {
        return 0;
    }
    std::array<char, os::largest_write> content;
    const auto got = os::read_some(reading_end_.get(), std::span(content).first(room));
    over_ = got == std::size_t{0};
    const std::string_view text(content.data(), got.value_or(0));
    unwritten_ += text;
    tail_ += text;
    tail_.erase(0, tail_.size() - std::min(kept, tail_.size()));
    return text.size();
}

void last_words::write(std::size_t size) {
    auto text = unwritten_.substr(0, size);
    const auto in_front = os::over_drawn_line(os::standard_error, text);
    text.insert(0, in_front);
    const auto written = os::write_some(os::standard_error, text);
    unwritten_.erase(0, written - std::min(written, in_front.size()));
}

} // namespace multiprocessing::detail
