// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/last_words.hpp"

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
    for (std::size_t done = 0; done < most_in_a_turn;) {
        const auto room = os::largest_write - std::min(os::largest_write, unwritten_.size());
        const auto got = read(room);
        if (unwritten_.empty()) {
            return;
        }
        held_up_ = !os::is_writable(os::standard_error);
        if (held_up_) {
            return;
        }
        done += os::largest_write;
        // Lines of several workers are not to be mixed: one that is cut off waits for its rest, which most
        // likely is there.
        const bool more = got != 0 && got == room && done < most_in_a_turn;
        const auto line_end = more ? unwritten_.rfind('\n') : std::string::npos;
        write(line_end == std::string::npos ? os::largest_write : line_end + 1);
    }
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
    held_up_ = false;
    while (!unwritten_.empty() && !held_up_) {
        forward();
    }
}

std::size_t last_words::read(std::size_t room) {
    if (!reading_end_ || room == 0) {
        return 0;
    }
    std::array<char, os::largest_write> content;
    const auto got = os::read_some(reading_end_.get(), std::span(content).first(room));
    if (got == std::size_t{0}) {
        reading_end_ = os::descriptor(); // the worker has closed its stderr
    }
    const std::string_view text(content.data(), got.value_or(0));
    unwritten_ += text;
    tail_ += text;
    tail_.erase(0, tail_.size() - std::min(kept, tail_.size()));
    return text.size();
}

void last_words::write(std::size_t size) {
    const auto part = std::string_view(unwritten_).substr(0, size);
    const auto taken = os::write_some(os::standard_error, part);
    held_up_ = taken < part.size();
    unwritten_.erase(0, taken);
}

} // namespace multiprocessing::detail
