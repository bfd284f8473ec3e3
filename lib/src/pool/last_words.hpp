// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/pipe.hpp"

#include <cstddef>
#include <string>

namespace multiprocessing::detail {

/// What a worker writes to its stderr: comes over a pipe, is forwarded to this process's own, and its end is
/// kept for the case that the worker dies.
///
///      worker's fd 2 ==== pipe ====> supervisor ----> fd 2 of this process
///                                        |
///                                        +----> the last 4 KiB
///
/// Nothing here waits. While this process's stderr takes nothing, what a worker has written stays in its
/// pipe, and the worker waits once that is full, as it would if it wrote there itself.
class last_words {
public:
    /// How much is kept: some lines of any length that people write; with hundreds of workers still nothing.
    static constexpr std::size_t kept = 4096;
    /// How much is forwarded in one turn, so that a worker that writes without end leaves time for the
    /// others: what a pipe holds.
    static constexpr std::size_t most_in_a_turn = std::size_t{64} << 10;
    /// How much is taken after the worker's death. A process it has left behind may go on writing for ever.
    static constexpr std::size_t most_after_death = std::size_t{1} << 20;

    /// Throws `resource_error` when there is no descriptor.
    last_words();

    /// For the worker, until it is started.
    [[nodiscard]] int writing_end() const noexcept { return writing_end_.get(); }
    void started() noexcept { writing_end_ = os::descriptor(); }

    /// Forwards what is there.
    void forward();
    /// After the worker's death: takes what is left, and forwards a turn's worth of it.
    void drain();

    /// What is readable when there is more: -1 when there will be none, or while it is held up.
    [[nodiscard]] int source() const noexcept { return held_up_ || over_ ? -1 : reading_end_.get(); }
    /// Whether something waits for stderr to take it.
    [[nodiscard]] bool held_up() const noexcept { return held_up_; }
    /// The end of what has come.
    [[nodiscard]] const std::string& tail() const noexcept { return tail_; }

private:
    /// How much was there.
    std::size_t read(std::size_t room);
    /// At most so much.
    void write(std::size_t size);

    os::descriptor reading_end_;
    os::descriptor writing_end_;
    std::string unwritten_; // read, and not yet forwarded
    std::string tail_;
    bool held_up_ = false;
    bool over_ = false; // the worker has closed its stderr
};

} // namespace multiprocessing::detail
