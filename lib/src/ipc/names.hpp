// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"
#include "os/descriptor.hpp"

#include <cstdint>
#include <string>

/// The registry of names in shared memory. A name tells which process made it, so that what a killed process
/// leaves behind can be recognised and removed by any other.
namespace multiprocessing::detail {

/// A new name for Boost.Interprocess, multiprocessing-NAMESPACE-PID-START-RANDOM. Nobody can guess 64 random
/// bits: who fills a machine's memory with names has one in 2^40 of them.
[[nodiscard]] std::string make_name();

/// A descriptor of the process that made the name, readable once that has ended. None when it has already, or
/// is not to be seen from here. Throws `resource_error`.
[[nodiscard]] os::descriptor open_maker_of(const std::string& name);

/// A name that this process has made, removed from shared memory with this object. Each has a random number
/// of its own: everybody can see a name that exists, and could take one that it tells before it is made.
class own_name {
public:
    /// None.
    own_name() = default;
    /// A new one that ends with `suffix`, which is for people.
    explicit own_name(const std::string& suffix);
    ~own_name() { remove(); }
    own_name(const own_name&) = delete;
    own_name& operator=(const own_name&) = delete;

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    /// Removes it now. Not in a copy of this process that somebody has forked.
    void remove() noexcept;

private:
    std::string text_; // empty when it is removed
    os::maker maker_;
};

/// Whether it can be the name of something in shared memory, and is none of this library's.
[[nodiscard]] bool is_users_name(const std::string& name);

/// Gives what has a name another one besides. Throws `resource_error`, `file_exists` where that is taken.
void add_name(const std::string& existing, const std::string& further);

/// Whether there is something of that name, or that cannot be found out.
[[gnu::visibility("default")]] [[nodiscard]] bool name_exists(const std::string& name) noexcept;

/// Removes this name and all that were derived from it by appending. Never throws: what cannot be removed
/// stays.
void remove_names_beginning_with(const std::string& name) noexcept;

/// A name derived from one, for what is to stay as long as anybody uses a file (`os::announce_use`), given by
/// its number, though the maker be dead.
[[nodiscard]] std::string name_of_users(const std::string& name, std::uint64_t file_number);

/// Removes the names made by processes that no longer run, but for what others use. Never throws: what cannot
/// be removed stays.
void remove_names_of_the_dead() noexcept;

} // namespace multiprocessing::detail
