// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/log.hpp>

namespace multiprocessing::detail {

/// Logs what `text` returns, which is only called when it is wanted.
template <class Text>
void note(log_level level, const Text& text) noexcept {
    if (is_logged(level)) {
        try {
            log(level, text());
        } catch (...) { // no memory for it: the line is lost
        }
    }
}

/// Sets the level that the environment asks for, if it does.
void heed_log_variable();

} // namespace multiprocessing::detail
