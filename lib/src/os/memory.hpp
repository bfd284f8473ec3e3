// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <cstddef>
#include <span>

/// Memory that processes share without a name: memfds.
namespace multiprocessing::os {

/// A new empty memfd that can grow but never shrink, so that what has been mapped stays accessible.
/// `label` is shown in /proc. Throws `resource_error`.
descriptor make_memory(const char* label);

/// The same memory, not to be written to through this descriptor. Throws `resource_error`.
descriptor open_for_reading(int fd);

/// What the limit of this process for files does not allow is refused like anything else, and no SIGXFSZ.
/// Throws `resource_error`.
void resize(int fd, std::size_t size);
/// Takes the memory behind the first `size` bytes at once. Without that, touching a page when none is left is
/// SIGBUS. Throws `resource_error`.
void allocate(int fd, std::size_t size);
/// The same for `size` bytes from `offset` on.
void allocate(int fd, std::size_t offset, std::size_t size);
/// Gives that memory back; the file stays as long as it is. What cannot be given back stays.
void release(int fd, std::size_t offset, std::size_t size) noexcept;
/// The same for shared memory that is mapped here, behind its first `kept` bytes: as far as
/// whole pages go. Whoever has it mapped finds zeros, or, when there is no memory left, SIGBUS.
void release(std::span<std::byte> mapped, std::size_t kept) noexcept;
/// How much the file system of `fd` holds, used or not. Throws `resource_error`.
[[nodiscard]] std::size_t file_system_size(int fd);
/// How much of that is unused. Throws `resource_error`.
[[nodiscard]] std::size_t file_system_room(int fd);
[[nodiscard]] std::size_t size_of(int fd);

/// Throws `resource_error` when the file behind `fd` belongs to another user: anybody can take a name in
/// shared memory that has become free.
void check_owner(int fd);

/// A memfd with this content, in two pieces, which nobody can change any more.
[[gnu::visibility("default")]] descriptor make_sealed_memory(const char* label,
                                                             std::span<const std::byte> content,
                                                             std::span<const std::byte> rest = {});
/// Whether `fd` is one.
[[nodiscard]] bool is_sealed_memory(int fd);

/// Fills `content` from a memfd's beginning. Throws `resource_error`.
void read_all(int fd, std::span<std::byte> content);

/// Maps a descriptor's first bytes for reading and writing; shared, unless the memfd is sealed.
class mapping {
public:
    mapping() = default;
    mapping(int fd, std::size_t size);
    /// For reading only, which is all that some descriptors allow.
    static mapping for_reading(int fd, std::size_t size) { return {fd, size, access::reading}; }
    mapping(mapping&& other) noexcept;
    mapping& operator=(mapping&& other) noexcept;
    [[gnu::visibility("default")]] ~mapping();
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    enum class access : bool { reading, writing };
    mapping(int fd, std::size_t size, access wanted);

    std::byte* data_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace multiprocessing::os
