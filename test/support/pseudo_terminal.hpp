// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/fault.hpp"

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <poll.h>
#include <stdexcept>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

inline constexpr char ctrl_c = '\x03';

/// The end of a pseudo-terminal at which its user sits.
class pseudo_terminal {
public:
    pseudo_terminal() : user_(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        if (user_ < 0 || ::grantpt(user_) != 0 || ::unlockpt(user_) != 0) {
            throw std::runtime_error("cannot open a pseudo-terminal");
        }
    }
    ~pseudo_terminal() { close(); }
    pseudo_terminal(const pseudo_terminal&) = delete;
    pseudo_terminal& operator=(const pseudo_terminal&) = delete;

    /// What programs open.
    [[nodiscard]] std::string path() const {
        char name[64];
        return ::ptsname_r(user_, name, sizeof name) == 0 ? name : "";
    }

    /// Gives it another width, which programs are not told by anything but a signal.
    void resize(unsigned short columns) {
        const winsize size{24, columns, 0, 0};
        BOOST_TEST(::ioctl(user_, TIOCSWINSZ, &size) == 0);
    }
    void type(char key) { BOOST_TEST(::write(user_, &key, 1) == 1); }
    void close() {
        if (user_ >= 0) {
            ::close(std::exchange(user_, -1));
        }
    }

    /// Reads on until the text has been shown; false when it never was.
    bool shows(const std::string& text) {
        return read_until([&] { return shown_.find(text) != std::string::npos; });
    }
    /// Reads on until nobody has the terminal open any more; false when somebody keeps it.
    bool is_left() {
        return read_until([] { return false; });
    }
    /// All that has been read.
    [[nodiscard]] const std::string& shown() const noexcept { return shown_; }

private:
    template <class Condition>
    bool read_until(const Condition& condition) {
        for (const auto end = std::chrono::steady_clock::now() + fault::hang_limit; !condition();) {
            pollfd entry{user_, POLLIN, 0};
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            if (::poll(&entry, 1, 100) <= 0) {
                continue;
            }
            char text[256];
            const auto size = ::read(user_, text, sizeof text);
            if (size <= 0) {
                return !condition() && errno == EIO; // nobody has it open
            }
            shown_.append(text, static_cast<std::size_t>(size));
        }
        return true;
    }

    int user_;
    std::string shown_;
};

/// Makes this process the leader of a session at the terminal, as a login shell's child is.
inline void sit_at(const std::string& path) {
    const int program = ::setsid() > 0 ? ::open(path.c_str(), O_RDWR) : -1;
    if (program < 0 || ::ioctl(program, TIOCSCTTY, 0) != 0) {
        throw std::runtime_error("cannot get a terminal of its own");
    }
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        ::dup2(program, stream);
    }
    ::close(program);
}
