// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/descriptor.hpp"

#include "os/poll.hpp"

#include <multiprocessing/error.hpp>

#include <cerrno>
#include <cstdint>
#include <fcntl.h>
#include <fstream>
#include <sstream>
#include <sys/eventfd.h>
#include <sys/stat.h>

namespace multiprocessing::os {
namespace {

/// A lock of the whole file which belongs to the descriptor, and so is the kernel's to give back.
struct flock lock_of_type(short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

/// The same, of the byte with a user's number: whether there is such a byte is all the same to the kernel.
struct flock lock_of_user(short type, std::uint32_t user) {
    auto lock = lock_of_type(type);
    lock.l_start = user;
    lock.l_len = 1;
    return lock;
}

/// Whether the kernel lists such a lock of the file, or no locks at all.
bool has_lock_in_list(std::uint64_t file_number) {
    // Such as "1: OFDLCK ADVISORY READ -1 00:19:4711 0 EOF".
    std::ifstream locks("/proc/locks");
    if (!locks) {
        return true;
    }
    const auto end_of_file = ":" + std::to_string(file_number);
    for (std::string line; std::getline(locks, line);) {
        std::istringstream fields(line);
        std::string number, kind, advisory, access, owner, file;
        fields >> number >> kind >> advisory >> access >> owner >> file;
        if (kind == "OFDLCK" && file.ends_with(end_of_file)) {
            return true;
        }
    }
    return false;
}

} // namespace

void throw_errno(const std::string& doing) {
    throw_refused(errno, doing);
}

void throw_refused(int error, const std::string& doing) {
    const std::error_code code(error, std::system_category());
    throw resource_error(code, doing + ": " + code.message());
}

descriptor new_descriptor(int fd) {
    descriptor made(fd);
    if (fd < 0 || fd > STDERR_FILENO) {
        return made;
    }
    return descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
}

void set_close_on_exec(int fd) {
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        throw_errno("cannot set close-on-exec on an inherited descriptor");
    }
}

bool wait_readable(int fd, const wait_limit& limit) {
    poll_set only;
    only.add(fd);
    return only.wait(limit) != 0;
}

bool wait_writable(int fd, const wait_limit& limit) {
    poll_set only;
    only.add_writer(fd);
    return only.wait(limit) != 0;
}

descriptor duplicate(int fd) {
    descriptor made(::fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!made) {
        throw_errno("cannot duplicate a descriptor");
    }
    return made;
}

void announce_use(int fd, std::uint32_t user) {
    auto use = lock_of_user(F_RDLCK, user);
    if (::fcntl(fd, F_OFD_SETLK, &use) != 0) {
        throw_errno("cannot lock shared memory: its last user is leaving");
    }
}

bool is_used_by(int fd, std::uint32_t user) noexcept {
    auto exclusive = lock_of_user(F_WRLCK, user);
    return ::fcntl(fd, F_OFD_GETLK, &exclusive) != 0 || exclusive.l_type != F_UNLCK;
}

bool was_last_user(int fd) noexcept {
    // Two steps: of two that leave at the same time, one gets it.
    auto use = lock_of_type(F_UNLCK);
    auto exclusive = lock_of_type(F_WRLCK);
    return ::fcntl(fd, F_OFD_SETLK, &use) == 0 && ::fcntl(fd, F_OFD_SETLK, &exclusive) == 0;
}

std::uint64_t file_number(int fd) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) {
        throw_errno("cannot determine the number of shared memory");
    }
    return status.st_ino;
}

bool is_used(std::uint64_t file_number) {
    // The kernel tells the locks in pieces, and one may be passed over when others come and go meanwhile.
    return has_lock_in_list(file_number) || has_lock_in_list(file_number);
}

descriptor make_flag() {
    auto flag = new_descriptor(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!flag) {
        throw_errno("cannot create an eventfd");
    }
    return flag;
}

void set_flag(int fd) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(fd, &one, sizeof one); // full means set
}

bool flag_is_set(int fd) {
    return wait_readable(fd, steady_time::min());
}

void clear_flag(int fd) {
    std::uint64_t count;
    [[maybe_unused]] const auto read = ::read(fd, &count, sizeof count); // empty means cleared
}

} // namespace multiprocessing::os
