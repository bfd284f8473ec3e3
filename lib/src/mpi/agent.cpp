// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// An agent: the process of a node, from `init` to its end. MPI belongs to its first thread, which passes on
// what the root says to the node's pools and what they say to the root; those have threads of their own.
#include "mpi/mailbox.hpp"
#include "mpi/mpi_watch.hpp"
#include "mpi/node_host.hpp"
#include "mpi/pace.hpp"
#include "mpi/peer.hpp"
#include "mpi/start.hpp"
#include "os/host.hpp"
#include "os/process.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

namespace multiprocessing::detail {
namespace {

/// An agent whose root says nothing for so long has no root any more, and ends.
constexpr std::chrono::seconds longest_silence{10};

class agent {
public:
    explicit agent(const boost::mpi::communicator& line) : root_(line, 0) {
        const auto hello = hello_of_this_process();
        root_.send({.kind = message_kind::hello, .content = content_of_values(hello)});
    }

    /// Until the root says that this is the end, and whether MPI is to be ended together with it; or says
    /// nothing any more.
    std::optional<bool> run() {
        while (!ends_with_root_) {
            const auto now = std::chrono::steady_clock::now();
            for (auto& message : from_pools_.take()) {
                if (message.kind == message_kind::left) { // nobody is interested in the rest
                    root_.send_at_once(std::move(message));
                } else {
                    root_.send(std::move(message));
                }
            }
            const bool has_sent = root_.advance(now);
            const bool has_received =
                root_.receive(now, [this](node_message&& message) { obey(std::move(message)); });
            if (has_sent || has_received) {
                pace_.something_came(now);
            }
            if (now - root_.last_heard() > longest_silence) {
                break;
            }
            if (const auto rest = pace_.rest_until(now, false); rest > now) {
                from_pools_.sleep_until(rest);
            }
        }
        return ends_with_root_;
    }

private:
    void obey(node_message&& message) {
        if (message.kind == message_kind::bye) {
            ends_with_root_ = decode<bool>(message.content.bytes());
        } else {
            host_.post(std::move(message));
        }
    }

    peer root_;
    pace pace_;
    std::optional<bool> ends_with_root_; // empty: not yet
    mailbox<node_message> from_pools_;
    node_host host_{[this](node_message message) { from_pools_.post(std::move(message)); }};
};

[[noreturn]] void end(const char* why) {
    std::fprintf(stderr, "multiprocessing: the agent on %s ends: %s\n", os::host_name().c_str(), why);
    std::_Exit(EXIT_FAILURE);
}

} // namespace

[[noreturn]] void run_agent() {
    try {
        os::set_process_name("mp-agent");
        os::be_on_time();
        mpi_watch::of_this_process().start([] { end("MPI does not come back from a call"); });
        mpi_session session;
        const auto parent = mpi_session::parent();
        const auto ends_with_root = agent(parent ? parent : session.all_ranks()).run();
        if (!ends_with_root) {
            end("its root has been silent for 10 s");
        } else if (*ends_with_root) {
            session.finalize();
        }
        std::_Exit(EXIT_SUCCESS);
    } catch (const std::exception& e) {
        end(e.what());
    }
}

} // namespace multiprocessing::detail
