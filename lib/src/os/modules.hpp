// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <string>

/// The program's modules: the executable and the shared libraries it has loaded.
namespace multiprocessing::os {

/// Where code lies, in terms that mean the same in every process of the program.
struct code_place {
    std::string module{};   ///< a path; empty for the executable itself
    std::string build_id{}; ///< of the module, where it has one; empty for the executable
    std::uint64_t offset = 0;
    bool operator==(const code_place&) const = default;
};

/// Nearly all functions lie in the executable: how far from its beginning; `not_in_program` when `address`
/// does not.
std::uint64_t offset_in_program(const void* address) noexcept;
inline constexpr std::uint64_t not_in_program = UINT64_MAX;
/// Null when nothing of the executable lies there.
const void* address_in_program(std::uint64_t offset) noexcept;

/// Throws `not_encodable` when `address` lies in no module.
code_place place_of(const void* address);
/// Loads the module if need be. Throws `decode_failed` when it is not to be had, or is another build.
const void* address_of(const code_place& place);

/// The name of the function at `address` as people know it, without its parameters: from the module's dynamic
/// symbols or its symbol table. Empty when the module is stripped.
std::string function_at(const void* address);

/// What the linker has made to tell this executable from any other; empty where it was told not to.
[[gnu::visibility("default")]] std::string build_id_of_program();

/// How the system calls the executable's file, which may have been replaced meanwhile: /proc/self/exe is the
/// one that runs.
[[gnu::visibility("default")]] std::string executable_path();

} // namespace multiprocessing::os
