// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "connection/acceptor.hpp"
#include "os/descriptor.hpp"
#include "os/unshared.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

/// Where descriptors wait for a process that is not known yet: bytes in a queue, or of a task, can be
/// received by anybody, and hold no descriptors.
///
///     process that sends                           | process that receives
///                                                  |
///     leave(fd) --> depot, bytes say where ......> | fetch(where)
///                     ^                            |     |
///     its thread -----'<== socket, abstract name ==|=====' ticket there, descriptor back
///
/// The thread and the socket are there while anything waits.
namespace multiprocessing::detail {

/// Where a descriptor waits: the name of the socket, and the number to say there, which nobody can guess.
struct claim_check {
    std::string address;
    std::uint64_t ticket = 0;
};

/// Who may fetch a descriptor, and for how long.
struct claim_terms {
    bool once = true;
    steady_time until = steady_time::max();
};

/// Thread-safe.
class depot {
public:
    depot() = default;
    depot(const depot&) = delete;
    depot& operator=(const depot&) = delete;

    /// Throws `resource_error` when there is no descriptor or thread for what is needed to serve it.
    claim_check leave(os::descriptor what, const claim_terms& terms);
    /// Takes it back, if it is still there.
    void withdraw(const claim_check& left) noexcept;

private:
    struct left_item {
        left_item(os::descriptor left, const claim_terms& fetched) : what(std::move(left)), terms(fetched) {}
        os::unshared_descriptor what; // children do not get it from here
        claim_terms terms;
    };
    /// A thread's life, from the first that waits to the last that is gone.
    struct service {
        acceptor entrance;
        const os::descriptor changed = os::make_flag(); // look at what is left
        std::map<std::uint64_t, left_item> left;        // guarded by the mutex
    };
    class clients;

    void start_service();
    void run(const std::shared_ptr<service>& now);
    /// When the next one has waited for long enough; drops those that have.
    static steady_time drop_overdue(service& now);
    void serve(service& now, int client);

    std::mutex mutex_;                 // guards what follows
    std::shared_ptr<service> service_; // null while nothing waits
};

/// The depot of this process.
depot& own_depot();

/// Fetches a descriptor that waits in some process. Throws `resource_error` when that has ended, does not
/// answer, or has it no more.
os::descriptor fetch(const claim_check& left);

} // namespace multiprocessing::detail
