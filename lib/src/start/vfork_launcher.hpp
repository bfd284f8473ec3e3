// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/pipe.hpp"

// Boost.Process 1.81 uses these without including them when it is told to use std::filesystem.
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>

#include <array>
#include <boost/process/v2/default_launcher.hpp>
#include <boost/process/v2/process.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <unistd.h>
#include <utility>

namespace multiprocessing::detail {

/// A launcher for Boost.Process v2 which does not copy the parent's page tables: that takes 20 ms for each
/// GiB. Used like Boost's own `vfork_launcher`, which does more in the child than it may: that runs in the
/// parent's memory until it executes the program. What it allocated, or locked, would be the parent's to
/// free, and stay so if it is killed meanwhile.
///
/// So the initialiser's `on_exec_setup` must neither allocate nor lock, nor write to anything that the
/// parent uses. Signals are to be blocked: a handler would run in the child, too.
class vfork_launcher : public boost::process::v2::posix::default_launcher {
public:
    template <class Executor, class Initialiser>
    auto operator()(Executor executor, boost::system::error_code& failure,
                    const boost::process::v2::filesystem::path& executable, const char** arguments,
                    Initialiser&& initialiser) {
        using process = boost::process::v2::basic_process<Executor>;
        const char* const* argv = arguments;
        failure = initialiser.on_setup(*this, executable, argv);
        if (failure) {
            return process(executor);
        }
        auto [reading_end, writing_end] = os::make_pipe();
        volatile bool is_in_our_memory = false;
        pid = start_child([&, report = writing_end.get()] {
            is_in_our_memory = true;
            auto refused = initialiser.on_exec_setup(*this, executable, argv);
            if (!refused) {
                ::execve(executable.c_str(), const_cast<char* const*>(argv), const_cast<char* const*>(env));
                refused.assign(errno, boost::system::system_category());
            }
            const int number = refused.value();
            (void)!::write(report, &number, sizeof number);
        });
        if (pid == -1) {
            failure.assign(errno, boost::system::system_category());
            return process(executor);
        }
        writing_end = os::descriptor();
        if (!is_in_our_memory) { // vfork is a fork here, as under the thread sanitizer, and does not wait
            os::wait_readable(reading_end.get(), deadline_after(longest_fork));
        }
        if (const int number = reported(reading_end.get()); number != 0) {
            failure.assign(number, boost::system::system_category());
            return process(executor);
        }
        return process(executor, pid);
    }

private:
    /// From a fork to the execution of a program, on a loaded machine.
    static constexpr std::chrono::seconds longest_fork{1};

    /// A function by itself, so that nothing of the caller's is in registers that the child changes.
    template <class InChild>
    [[gnu::noinline]] static int start_child(const InChild& in_child) {
        const int child = ::vfork();
        if (child == 0) {
            in_child();
            ::_exit(EXIT_FAILURE);
        }
        return child;
    }

    /// What the child has reported: 0 for nothing. It has executed the program or ended by now. Who else may
    /// have the other end, a copy of this process that somebody has forked just now, is not waited for.
    static int reported(int reading_end) {
        std::array<char, sizeof(int)> content{};
        int number = 0;
        if (os::read_some(reading_end, content) == sizeof number) {
            std::memcpy(&number, content.data(), sizeof number);
        }
        return number;
    }
};

} // namespace multiprocessing::detail
