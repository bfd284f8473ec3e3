// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <thread>

namespace multiprocessing::detail {

/// Watches the thread that MPI belongs to: a call to MPI may never return. Open MPI 4.1 turns in circles, or
/// waits for a lock of its own, when a process has died amid large messages; ranks wait for ever for
/// one that has ended before it has started MPI, and so does who starts a process on a host that it does not
/// reach.
///
///     outside <----> in a call ----> given up: who is in it never comes back from it
///
/// One for a process, as MPI is.
class mpi_watch {
public:
    /// To start MPI is to wait for all ranks, or for daemons on all hosts: it gets so many times as long.
    static constexpr int for_start = 6;

    [[nodiscard]] static mpi_watch& of_this_process();

    [[nodiscard]] std::chrono::seconds longest_call() const noexcept { return longest_call_; }

    /// From now on. When a call does not return, `go_on` is called once, on a thread of its own, which MPI
    /// belongs to no more than to anybody else.
    void start(std::function<void()> go_on);

    /// That this thread is in a call to MPI, or several, of which none waits for anything of ours.
    class call {
    public:
        explicit call(int times_as_long = 1) noexcept;
        /// Does not return when the call has been given up.
        ~call();
        call(const call&) = delete;
        call& operator=(const call&) = delete;

    private:
        std::uint64_t number_;
    };

private:
    mpi_watch();
    void run();

    std::function<void()> go_on_;
    std::atomic<std::uint64_t> now_{0}; // the number of the call that it is in; 0: none
    std::uint64_t calls_ = 0;           // of the thread that makes them
    const std::chrono::seconds longest_call_;
    std::atomic<std::int64_t> most_looks_{0}; // at that call
};

} // namespace multiprocessing::detail
