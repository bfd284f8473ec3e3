// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/settings.hpp"
#include "pool/wording.hpp"

#include <multiprocessing/pool_options.hpp>

#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::detail {

/// What the workers of a pool have of their own: limits, priority, place. Never changes.
class worker_settings {
public:
    /// Throws `std::invalid_argument`.
    explicit worker_settings(const pool_options& options, wording words);

    /// For a worker that is bound to this CPU, or to none.
    [[nodiscard]] std::vector<os::setting> all(std::optional<int> cpu) const;
    /// "NAME=value"
    [[nodiscard]] const std::vector<std::string>& environment() const noexcept { return environment_; }
    /// Those that workers are bound to in turn; none when they are not bound.
    [[nodiscard]] const std::vector<int>& cpus() const noexcept { return cpus_; }
    [[nodiscard]] bool memory_is_limited() const noexcept;
    [[nodiscard]] multiprocessing::start_method start_method() const noexcept { return start_method_; }

    /// What they are called in messages.
    [[nodiscard]] const wording& words() const noexcept { return words_; }

    /// What the limits have to do with such an end; empty when that is nothing.
    [[nodiscard]] std::string about_end(int exit_code) const;

private:
    const wording words_;
    const worker_limits limits_;
    const multiprocessing::start_method start_method_;
    std::vector<os::setting> common_;
    std::vector<std::string> environment_;
    std::vector<int> cpus_;
};

} // namespace multiprocessing::detail
