// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/output_file.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace multiprocessing::os {

output_file::output_file(const std::filesystem::path& path) {
    constexpr mode_t as_umask_says = 0666;
    constexpr int flags = O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NONBLOCK;
    fd_ = new_descriptor(::open(path.c_str(), flags, as_umask_says));
    struct stat about {};
    if (!fd_ || ::fstat(fd_.get(), &about) != 0) {
        throw_errno("cannot write the file " + path.string());
    }
    if (S_ISFIFO(about.st_mode)) {
        errno = ESPIPE;
        throw_errno("cannot write to " + path.string() + ", which is a pipe: a file is wanted");
    }
}

std::error_code output_file::append(std::string_view content) noexcept {
    for (auto rest = content; !rest.empty();) {
        const auto written = ::write(fd_.get(), rest.data(), rest.size());
        if (written >= 0) {
            rest.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            const std::error_code why(errno, std::system_category());
            // What is there already stays as it is, and readable: half a line at its end would not.
            if (rest.size() != content.size()) {
                const auto part = static_cast<off_t>(content.size() - rest.size());
                (void)!::ftruncate(fd_.get(), ::lseek(fd_.get(), 0, SEEK_END) - part);
            }
            return why;
        }
    }
    return {};
}

} // namespace multiprocessing::os
