// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/pipe.hpp"

#include "os/poll.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>

namespace multiprocessing::os {
namespace {

bool is_pipe(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

} // namespace

std::pair<descriptor, descriptor> make_pipe(waits which) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_errno("cannot create a pipe");
    }
    auto reader = new_descriptor(ends[0]);
    auto writer = new_descriptor(ends[1]);
    const auto& other = which == waits::writer ? reader : writer;
    if (!reader || !writer || ::fcntl(other.get(), F_SETFL, O_NONBLOCK) != 0) {
        throw_errno("cannot create a pipe");
    }
    return {std::move(reader), std::move(writer)};
}

std::size_t pipe_capacity(int fd) noexcept {
    return static_cast<std::size_t>(std::max(::fcntl(fd, F_GETPIPE_SZ), 0));
}

bool has_reader(int fd) noexcept {
    pollfd writer{fd, POLLOUT, 0};
    return ::poll(&writer, 1, 0) != 1 || (writer.revents & POLLERR) == 0;
}

std::optional<std::size_t> read_some(int fd, std::span<char> content) {
    const auto got = ::read(fd, content.data(), content.size());
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? std::nullopt : std::optional<std::size_t>(0);
    }
    return static_cast<std::size_t>(got);
}

bool is_writable(int fd) {
    poll_set only;
    only.add_writer(fd);
    return only.wait(steady_time::min()) != 0;
}

namespace {

/// What would be SIGPIPE for the calling thread is an error only, EPIPE, during this one's lifetime.
class no_sigpipe {
public:
    no_sigpipe() {
        ::sigemptyset(&only_);
        ::sigaddset(&only_, SIGPIPE);
        sigset_t pending;
        ::sigpending(&pending);
        was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
        ::pthread_sigmask(SIG_BLOCK, &only_, &before_);
    }
    ~no_sigpipe() {
        const timespec at_once{};
        if (!was_pending_) {
            while (::sigtimedwait(&only_, nullptr, &at_once) < 0 && errno == EINTR) {
            }
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    no_sigpipe(const no_sigpipe&) = delete;
    no_sigpipe& operator=(const no_sigpipe&) = delete;

private:
    sigset_t only_{};
    sigset_t before_{};
    bool was_pending_ = false;
};

} // namespace

std::size_t write_some(int fd, std::string_view content) {
    const no_sigpipe who_reads_it_may_be_gone;
    const auto size = std::min(content.size(), largest_write);
    ssize_t written = -1;
    errno = EOPNOTSUPP;
    if (is_pipe(fd)) {
        // Somebody else may have filled it meanwhile. Kernels before 6.4 cannot write to a pipe without
        // waiting unless everybody who shares it does.
        const iovec part{const_cast<char*>(content.data()), size};
        written = ::pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
    }
    if (written < 0 && errno == EOPNOTSUPP) {
        written = ::write(fd, content.data(), size);
    }
    if (written < 0) {
        return errno == EAGAIN || errno == EINTR ? 0 : content.size();
    }
    return static_cast<std::size_t>(written);
}

void write_at_once(int fd, std::string_view content) noexcept {
    const no_sigpipe who_reads_it_may_be_gone;
    while (!content.empty()) {
        const auto written = ::write(fd, content.data(), content.size());
        if (written >= 0) {
            content.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno == EAGAIN) {
            wait_writable(fd);
        } else if (errno != EINTR) {
            return;
        }
    }
}

} // namespace multiprocessing::os
