// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "start/child_setup.hpp"

#include "os/process.hpp"
#include "start/launch.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <unistd.h>

namespace multiprocessing::detail {
namespace {

/// Somebody passes on one number, the child's `errno`. Above the largest there is, it counts the settings
/// from 1.
constexpr int first_setting = 4096;

} // namespace

int child_setup::make() const noexcept {
    for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
        const int becomes = streams[static_cast<std::size_t>(stream)];
        if (becomes >= 0 && ::dup2(becomes, stream) < 0) {
            return errno;
        }
    }
    for (int number = 1; number <= SIGRTMAX; ++number) {
        if (std::ranges::find(ignored, number) == ignored.end()) {
            os::set_default_action(number);
        } else {
            std::signal(number, SIG_IGN);
        }
    }
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (std::size_t i = 0; i != settings.size(); ++i) {
        if (!settings[i].make()) {
            return errno + static_cast<int>(i + 1) * first_setting;
        }
    }
    return 0;
}

void child_setup::check(int number, const char* otherwise) const {
    if (number >= first_setting) {
        const auto failed = static_cast<std::size_t>(number / first_setting);
        throw std::system_error(number % first_setting, std::system_category(),
                                settings.at(failed - 1).failure);
    }
    if (number != 0) {
        throw std::system_error(number, std::system_category(), otherwise);
    }
}

child_setup setup_for(const launch_request& request) {
    child_setup setup{.streams = request.streams, .settings = request.settings};
    if (request.leads_group) {
        setup.settings.insert(setup.settings.begin(), os::own_group());
    }
    // `nohup`, and a shell for what it runs in the background, mean the whole family.
    for (const int number : {SIGHUP, SIGINT, SIGQUIT}) {
        struct sigaction present {};
        if (::sigaction(number, nullptr, &present) == 0 && present.sa_handler == SIG_IGN) {
            setup.ignored.push_back(number);
        }
    }
    return setup;
}

} // namespace multiprocessing::detail
