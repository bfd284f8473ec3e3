// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/memory.hpp"

#include <cerrno>
#include <fcntl.h>
#include <limits>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace multiprocessing::os {
namespace {

constexpr int all_seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;

void seal(int fd, int seals) {
    if (::fcntl(fd, F_ADD_SEALS, seals) != 0) {
        throw_errno("cannot seal shared memory");
    }
}

/// Of this process for files. The system would send SIGXFSZ.
bool is_beyond_the_limit(std::size_t size) {
    struct rlimit limit {};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    return size > limit.rlim_cur;
}

descriptor make_sealable_memory(const char* label) {
    auto memory = new_descriptor(::memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory) {
        throw_errno("cannot create shared memory (memfd)");
    }
    return memory;
}

struct statvfs file_system_of(int fd) {
    struct statvfs status {};
    if (::fstatvfs(fd, &status) != 0) {
        throw_errno("cannot determine the size of shared memory's file system");
    }
    return status;
}
bool is_limited(const struct statvfs& status) {
    return status.f_blocks != 0;
}

} // namespace

descriptor make_memory(const char* label) {
    auto memory = make_sealable_memory(label);
    seal(memory.get(), F_SEAL_SHRINK);
    return memory;
}

descriptor open_for_reading(int fd) {
    const auto path = "/proc/self/fd/" + std::to_string(fd);
    auto opened = new_descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened) {
        throw_errno("cannot open shared memory for reading (is /proc mounted?)");
    }
    return opened;
}

void resize(int fd, std::size_t size) {
    if (is_beyond_the_limit(size)) {
        throw_refused(EFBIG, "cannot resize shared memory");
    }
    if (::ftruncate(fd, static_cast<off_t>(size)) != 0) {
        throw_errno("cannot resize shared memory");
    }
}

void allocate(int fd, std::size_t size) {
    allocate(fd, 0, size);
}

void allocate(int fd, std::size_t offset, std::size_t size) {
    int failure = is_beyond_the_limit(offset + size) ? EFBIG : EINTR;
    while (failure == EINTR) {
        failure = ::posix_fallocate(fd, static_cast<off_t>(offset), static_cast<off_t>(size));
    }
    if (failure != 0) {
        throw_refused(failure, "cannot get " + std::to_string(size) + " bytes of shared memory");
    }
}

void release(int fd, std::size_t offset, std::size_t size) noexcept {
    ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(size));
}

void release(std::span<std::byte> mapped, std::size_t kept) noexcept {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto begin = (kept + page - 1) / page * page; // a mapping begins with a page
    if (begin < mapped.size()) {
        ::madvise(mapped.data() + begin, mapped.size() - begin, MADV_REMOVE);
    }
}

std::size_t file_system_size(int fd) {
    const auto status = file_system_of(fd);
    return is_limited(status) ? status.f_blocks * status.f_frsize : std::numeric_limits<std::size_t>::max();
}

std::size_t file_system_room(int fd) {
    const auto status = file_system_of(fd);
    return is_limited(status) ? status.f_bavail * status.f_frsize : std::numeric_limits<std::size_t>::max();
}

std::size_t size_of(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw_errno("cannot determine the size of shared memory");
    }
    return static_cast<std::size_t>(status.st_size);
}

void check_owner(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw_errno("cannot determine the owner of shared memory");
    }
    if (status.st_uid != ::geteuid()) {
        throw_refused(EACCES, "shared memory of another user");
    }
}

descriptor make_sealed_memory(const char* label, std::span<const std::byte> content,
                              std::span<const std::byte> rest) {
    auto memory = make_sealable_memory(label);
    for (auto left : {content, rest}) {
        while (!left.empty()) {
            const auto written = ::write(memory.get(), left.data(), left.size());
            if (written < 0) {
                if (errno == EINTR) {
                    continue;
                }
                throw_errno("cannot write to shared memory");
            }
            left = left.subspan(static_cast<std::size_t>(written));
        }
    }
    seal(memory.get(), all_seals);
    return memory;
}

void read_all(int fd, std::span<std::byte> content) {
    for (off_t done = 0; static_cast<std::size_t>(done) != content.size();) {
        const auto left = content.subspan(static_cast<std::size_t>(done));
        const auto got = ::pread(fd, left.data(), left.size(), done);
        if (got <= 0 && errno != EINTR) {
            throw_errno("cannot read shared memory");
        }
        done += got > 0 ? got : 0;
    }
}

bool is_sealed_memory(int fd) {
    return ::fcntl(fd, F_GET_SEALS) == all_seals;
}

mapping::mapping(int fd, std::size_t size) : mapping(fd, size, access::writing) {}

mapping::mapping(int fd, std::size_t size, access wanted) : size_(size) {
    // Sealed memory cannot be mapped writable and shared; what is private and not written to costs nothing
    // more.
    const int sharing = is_sealed_memory(fd) ? MAP_PRIVATE : MAP_SHARED;
    const int protection = wanted == access::writing ? PROT_READ | PROT_WRITE : PROT_READ;
    void* address = ::mmap(nullptr, size, protection, sharing, fd, 0);
    if (address == MAP_FAILED) {
        throw_errno("cannot map shared memory");
    }
    data_ = static_cast<std::byte*>(address);
}

mapping::mapping(mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

mapping& mapping::operator=(mapping&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
}

mapping::~mapping() {
    if (data_ != nullptr) {
        ::munmap(data_, size_);
    }
}

} // namespace multiprocessing::os
