// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "start/child_setup.hpp"
#include "start/handover.hpp"

#include <multiprocessing/serialize.hpp>

#include <string>
#include <vector>

/// The fork server: a process with one thread that forks children for its parent.
///
///     parent                         fork server              child
///        |--- memfd, descriptors ------->|
///        |    and a socket               |--- fork ------------->|  of the parent, as if it had forked it
///        |<------------------------------------- birth ----------|
///        |                               |                       |  become_child
///
/// The child itself tells of its birth. So a server that is killed at any instant leaves no doubt whether
/// there is a child: either it announces itself, or nobody has the other end of the socket any more. One that
/// is killed before it announces itself has to be reaped all the same: the kernel has noted its process id in
/// memory that the server shares with the parent.
namespace multiprocessing::detail {

/// What a fork server is handed.
struct zygote_handle {
    int requests = -1; ///< a socket: each packet is a request
    int parent = -1;   ///< a pidfd
    int noted = -1;    ///< memory, where the process id of each child is noted
    bytes preload{};   ///< an encoded call, or empty
};

/// What a request says, in a sealed memfd. That is the first of the descriptors that come with it.
struct fork_request {
    handover work{};
    child_setup setup{};
    std::vector<std::string> environment{}; ///< "NAME=value"
    std::vector<int> streams{};             ///< which standard streams are open
};

/// The order of the descriptors in a request. Behind these come the standard streams that are open, and then
/// what the child inherits.
enum request_part : std::size_t { content, birth_line, directory, parent, detached, first_stream };

/// What the fork server's process runs.
void serve_forks(const zygote_handle& handle);

} // namespace multiprocessing::detail
