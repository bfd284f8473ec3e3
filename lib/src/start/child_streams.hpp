// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"
#include "start/child_setup.hpp"

#include <multiprocessing/process.hpp>

#include <array>
#include <vector>

namespace multiprocessing::detail {

/// Where a child's standard streams lead, and this process's ends of those that are pipes.
class child_streams {
public:
    /// Opens what the options say. Throws `std::invalid_argument` for what makes no sense, `start_failed`.
    explicit child_streams(const process_options& options);

    /// What becomes the child's streams; -1: those of this process.
    [[nodiscard]] const standard_streams& of_child() const noexcept { return of_child_; }
    /// What a child that is forked is not to keep: it would be the writer whose end it waits for.
    [[nodiscard]] std::vector<int> of_parent() const;
    /// The child is there: its ends are its own from now on.
    void started(int child);

    /// Throws `std::logic_error` when that is no pipe.
    [[nodiscard]] child_input& in();
    [[nodiscard]] child_output& out();
    [[nodiscard]] child_output& err();
    /// As `process::communicate`, but for the join.
    process_output communicate(std::string_view input);

private:
    void open(int stream, const redirection& where, const std::string& name);

    standard_streams of_child_{-1, -1, -1};
    std::array<os::descriptor, 3> opened_; // for the child, until it is there
    std::array<bool, 3> is_pipe_{};
    child_input in_;
    std::array<child_output, 2> outputs_;
};

} // namespace multiprocessing::detail
