// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <filesystem>
#include <string_view>
#include <system_error>

namespace multiprocessing::os {

/// A file that this process writes from its beginning on; behind what others write there meanwhile.
class output_file {
public:
    /// Replaces the content of one that is there. Throws `resource_error`, also where it is a pipe, whose
    /// reader could hold this process up.
    explicit output_file(const std::filesystem::path& path);

    /// Appends all of it, or nothing, and says why.
    [[nodiscard]] std::error_code append(std::string_view content) noexcept;

private:
    descriptor fd_;
};

} // namespace multiprocessing::os
