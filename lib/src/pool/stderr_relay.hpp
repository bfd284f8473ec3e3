// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/poll.hpp"
#include "pool/last_words.hpp"

#include <cstddef>
#include <list>
#include <vector>

namespace multiprocessing::detail {

/// Forwards what a pool's workers write to stderr, and what those have left that are dead. Used by the
/// supervisor's thread only.
class stderr_relay {
public:
    /// Of so many dead workers the rest is kept while stderr takes nothing; a pool whose workers die all the
    /// time is not to fill the memory.
    static constexpr std::size_t most_left = 64;

    /// What the dead have left.
    void start_watching(os::poll_set& set);
    /// And one of the living. `words` is to exist until `forward`.
    void watch(os::poll_set& set, last_words& words);
    /// Forwards where there is something to be done.
    void forward(const os::poll_set& set);

    /// Takes what a dead worker has left, and forwards it when stderr takes it.
    void take_over(last_words words);
    /// No worker is left. What stderr does not take within the grace period is lost.
    void finish();

private:
    struct watched {
        last_words* words;
        std::size_t index;
    };

    std::vector<watched> watched_;
    std::list<last_words> left_;
};

} // namespace multiprocessing::detail
