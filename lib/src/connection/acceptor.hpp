// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "ipc/names.hpp"
#include "os/poll.hpp"
#include "os/socket.hpp"
#include "os/unshared.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <string>
#include <utility>

namespace multiprocessing::detail {

/// Where other processes of this user connect: a socket under a name that tells its maker, and that nobody
/// can guess. Of one thread, but for the name.
class acceptor {
public:
    /// Throws `resource_error`.
    acceptor() : address_("@" + make_name()), socket_(os::listen_under(address_)) {}

    [[nodiscard]] const std::string& address() const noexcept { return address_; }

    /// Has those who want to connect waited for, and the wait end in time to look for them again.
    void add_to(os::poll_set& all, steady_time& deadline) {
        if (has_descriptors_) {
            index_ = all.add(socket_.get());
        } else { // nobody tells when there are some again, and who waits to be accepted is always ready
            deadline = std::min(deadline, deadline_after(while_out_of_descriptors));
        }
    }
    /// Gives those who have connected to `take`, after the wait.
    template <class Take>
    void accept_all(const os::poll_set& all, const Take& take) {
        if (has_descriptors_ && !all.is_readable(index_)) {
            return;
        }
        while (auto connected = os::accept(socket_.get())) {
            if (os::is_of_this_user(connected.get())) {
                take(std::move(connected));
            }
        }
        has_descriptors_ = errno == EAGAIN;
    }

    /// Nobody connects any more; those who wait to be accepted see the end of the file.
    void shut_down() {
        os::shut_down(socket_.get());
        while (os::accept(socket_.get())) {
        }
    }

private:
    /// How long to wait before asking again, when this process may open no more descriptors.
    static constexpr std::chrono::milliseconds while_out_of_descriptors{50};

    const std::string address_;
    const os::unshared_descriptor socket_;
    bool has_descriptors_ = true;
    std::size_t index_ = 0; // in the set that is waited for
};

} // namespace multiprocessing::detail
