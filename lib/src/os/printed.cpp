// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/printed.hpp"

#include "os/process.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace multiprocessing::os {
namespace {

constexpr std::array streams{STDOUT_FILENO, STDERR_FILENO};

} // namespace

descriptor make_printed_memory() {
    auto memory = new_descriptor(::memfd_create("multiprocessing-printed", MFD_CLOEXEC));
    if (!memory || ::fcntl(memory.get(), F_SETFL, O_APPEND) != 0) {
        throw_errno("cannot create memory for what is printed (memfd)");
    }
    return memory;
}

std::string read_printed(int memory, std::size_t most) {
    struct stat status {};
    ::fstat(memory, &status);
    std::string text(std::min(most, static_cast<std::size_t>(status.st_size)), '\0');
    std::size_t size = 0;
    while (size != text.size()) {
        const auto got = ::pread(memory, text.data() + size, text.size() - size, static_cast<off_t>(size));
        if (got <= 0 && errno != EINTR) { // somebody has cleared it meanwhile
            break;
        }
        size += static_cast<std::size_t>(std::max<ssize_t>(got, 0));
    }
    text.resize(size);
    return text;
}

void clear_printed(int memory) noexcept {
    (void)!::ftruncate(memory, 0);
}

printing_to::printing_to(int memory) {
    flush_standard_streams();
    for (std::size_t i = 0; i != streams.size(); ++i) {
        before_[i] = new_descriptor(::fcntl(streams[i], F_DUPFD_CLOEXEC, 0));
        if (!before_[i] && errno != EBADF) {
            throw_errno("cannot capture what is printed");
        }
    }
    for (const int stream : streams) {
        ::dup2(memory, stream);
    }
}

printing_to::~printing_to() {
    flush_standard_streams();
    for (std::size_t i = 0; i != streams.size(); ++i) {
        if (before_[i]) {
            ::dup2(before_[i].get(), streams[i]);
        } else {
            ::close(streams[i]);
        }
    }
}

} // namespace multiprocessing::os
