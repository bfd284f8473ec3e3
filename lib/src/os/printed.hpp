// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <array>
#include <cstddef>
#include <string>

/// What a process prints, kept in memory that outlives it: a memfd that its streams append to. It is written
/// and read, and never mapped, so that neither side can harm the other.
namespace multiprocessing::os {

/// A new empty one. Throws `resource_error`.
descriptor make_printed_memory();
/// The first bytes of what was printed there, at most so many.
[[nodiscard]] std::string read_printed(int memory, std::size_t most);
/// Forgets it.
void clear_printed(int memory) noexcept;

/// During its lifetime what this process prints on its standard output and error goes to such memory. Writes
/// out what the streams have buffered at both ends of it.
class printing_to {
public:
    /// Throws `resource_error`.
    explicit printing_to(int memory);
    ~printing_to();
    printing_to(const printing_to&) = delete;
    printing_to& operator=(const printing_to&) = delete;

private:
    std::array<descriptor, 2> before_; // empty: it was closed
};

} // namespace multiprocessing::os
