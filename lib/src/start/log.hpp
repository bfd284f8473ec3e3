// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/log.hpp>

#include <cstdint>

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

/// What this process logs while one exists is of that task.
class logs_of_task {
public:
    explicit logs_of_task(std::uint64_t number) noexcept;
    ~logs_of_task();
    logs_of_task(const logs_of_task&) = delete;
    logs_of_task& operator=(const logs_of_task&) = delete;
};

/// Sets the level that the environment asks for, if it does.
void heed_log_variable();

} // namespace multiprocessing::detail
