// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/process.hpp"

#include "os/copy.hpp"
#include "os/monotonic.hpp"

#include <multiprocessing/detail/thread_name.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <limits>
#include <linux/futex.h>
#include <malloc.h>
#include <sched.h>
#include <sstream>
#include <stdio_ext.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <typeinfo>
#include <unistd.h>

#if __has_include(<ext/stdio_sync_filebuf.h>)
#    include <ext/stdio_sync_filebuf.h> // libstdc++
#endif

namespace multiprocessing::os {
namespace {

struct status_line {
    char state = 0; // 0: there is no such process
    std::uint64_t start_time = 0;
};

std::string status_file(std::uint64_t pid) {
    return "/proc/" + std::to_string(pid) + "/stat";
}

/// Fields 3 and 22 of /proc/PID/stat; the second, the command, may hold spaces and parentheses.
status_line read_status(std::uint64_t pid) {
    std::ifstream file(status_file(pid));
    std::string line;
    std::getline(file, line);
    const auto after_command = line.rfind(')');
    if (after_command == std::string::npos) {
        return {};
    }
    std::istringstream fields(line.substr(after_command + 1));
    status_line result;
    fields >> result.state;
    std::string skipped;
    for (int field = 4; field != 22; ++field) {
        fields >> skipped;
    }
    fields >> result.start_time;
    return result;
}

// Mostly there is nothing to write out, which costs less to see than to do.

void flush(std::FILE* stream) {
    if (::__fpending(stream) != 0) {
        std::fflush(stream);
    }
}
/// One that is synchronised with the C library, as standard streams are unless they are told otherwise, keeps
/// nothing itself.
template <class Char>
void flush(std::basic_ostream<Char>& stream) {
#if __has_include(<ext/stdio_sync_filebuf.h>)
    const auto* buffer = stream.rdbuf();
    if (buffer != nullptr && typeid(*buffer) == typeid(__gnu_cxx::stdio_sync_filebuf<Char>)) {
        return;
    }
#endif
    stream.flush();
}

std::uint64_t this_pid_namespace() {
    struct stat status {};
    return ::stat("/proc/self/ns/pid", &status) == 0 ? static_cast<std::uint64_t>(status.st_ino) : 0;
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) noexcept {
    return ::syscall(SYS_futex, &word, operation, value, timeout, nullptr, FUTEX_BITSET_MATCH_ANY);
}

} // namespace

process_identity this_process() {
    const auto pid = static_cast<std::uint64_t>(::getpid());
    const auto status = read_status(pid);
    if (status.state == 0) {
        throw_errno("cannot read " + status_file(pid));
    }
    return {this_pid_namespace(), pid, status.start_time};
}

bool is_running(const process_identity& process) {
    if (process.pid_namespace != this_pid_namespace()) {
        return true;
    }
    const auto status = read_status(process.pid);
    if (status.state == 0) { // or there is one, and no descriptor to read that with
        return ::access(status_file(process.pid).c_str(), F_OK) == 0;
    }
    return status.state != 'Z' && status.state != 'X' && status.start_time == process.start_time;
}

std::uint32_t this_thread() noexcept {
    constinit thread_local std::uint32_t number = 0; // asking the system takes as long as 20 locks
    constinit thread_local unsigned copies = 0;
    if (number == 0 || copies != copies_so_far()) { // this may be one
        number = static_cast<std::uint32_t>(::gettid());
        copies = copies_so_far();
    }
    return number;
}

bool is_thread_of_this_process(std::uint32_t number) noexcept {
    return ::syscall(SYS_tgkill, ::getpid(), static_cast<pid_t>(number), 0) == 0;
}

descriptor open_process(long pid) {
    auto process = new_descriptor(static_cast<int>(::syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0)));
    if (!process) {
        throw_errno("cannot open a process descriptor (pidfd; Linux 5.11 or newer is needed)");
    }
    return process;
}

std::size_t resident_memory(long pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
    std::size_t total = 0;
    std::size_t resident = 0;
    std::size_t shared = 0;
    file >> total >> resident >> shared; // in pages
    return (resident - std::min(shared, resident)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

std::size_t peak_memory() noexcept {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::size_t>(usage.ru_maxrss) * 1024;
}

void set_default_action(int signal) noexcept {
    // Zero means that, and no flags, and nothing blocked, however the kernel's structure is laid out.
    constexpr std::array<std::uint64_t, 16> all_zero{};
    constexpr std::size_t size_of_mask = (_NSIG - 1) / 8;
    ::syscall(SYS_rt_sigaction, signal, all_zero.data(), nullptr, size_of_mask);
}

void signal_group(int leader, long pid, int number) noexcept {
    constexpr unsigned to_its_group = 1U << 2; // PIDFD_SIGNAL_PROCESS_GROUP
    if (::syscall(SYS_pidfd_send_signal, leader, number, nullptr, to_its_group) == 0 || errno != EINVAL) {
        return;
    }
    // Linux before 6.9 knows groups by number only. Once the leader is reaped the number may be another's.
    if (::syscall(SYS_pidfd_send_signal, leader, 0, nullptr, 0) == 0) {
        ::kill(static_cast<pid_t>(-pid), number);
    }
}

void add_to_environment(const std::vector<std::string>& assignments) {
    for (const auto& assignment : assignments) {
        const auto name_end = std::min(assignment.find('='), assignment.size());
        const auto value = assignment.substr(std::min(name_end + 1, assignment.size()));
        ::setenv(assignment.substr(0, name_end).c_str(), value.c_str(), 1);
    }
}

void set_environment(const std::vector<std::string>& assignments) {
    ::clearenv();
    add_to_environment(assignments);
}

void flush_standard_streams() noexcept {
    try {
        flush(std::cout);
        flush(std::clog);
        flush(std::wcout);
        flush(std::wclog);
    } catch (...) { // the user wants exceptions of a stream that has failed
    }
    flush(stdout);
    flush(stderr);
}

void forget_standard_input() noexcept {
    ::__fpurge(stdin);
    std::clearerr(stdin);
    try {
        std::cin.clear();
        std::wcin.clear();
    } catch (...) { // the user wants exceptions of them
    }
}

void leave_exit_handlers_behind() noexcept {
    // Handlers run in reverse order: this one before all that there are.
    ::on_exit(
        [](int status, void*) {
            flush_standard_streams();
            ::_exit(status);
        },
        nullptr);
}

void set_end_with_starter(bool wanted) noexcept {
    ::prctl(PR_SET_PDEATHSIG, wanted ? SIGKILL : 0);
}

std::uint64_t random_number() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
        throw_errno("cannot get random bytes");
    }
    return number;
}

void set_process_name(const std::string& name) {
    ::prctl(PR_SET_NAME, name.c_str());
}

void be_on_time() noexcept {
    ::prctl(PR_SET_TIMERSLACK, 1UL); // nanoseconds
}

void keep_freed_memory() noexcept {
#ifdef __GLIBC__
    constexpr int kept = 128 << 20;
    ::mallopt(M_MMAP_MAX, 0); // what is mapped by itself goes back at once
    ::mallopt(M_TRIM_THRESHOLD, kept);
#endif
}

void give_freed_memory_back() noexcept {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

bool keep_only(int first, int second) noexcept {
    if (::unshare(CLONE_FILES) != 0) {
        return false; // seccomp
    }
    const auto close_between = [](int above, int below) {
        if (above + 1 < below) {
            ::syscall(SYS_close_range, static_cast<unsigned>(above + 1), static_cast<unsigned>(below - 1), 0);
        }
    };
    close_between(-1, std::min(first, second));
    close_between(std::min(first, second), std::max(first, second));
    close_between(std::max(first, second), std::numeric_limits<int>::max());
    return true;
}

void wait_on(std::atomic<std::uint32_t>& word, std::uint32_t seen, steady_time deadline) noexcept {
    const auto until = on_monotonic_clock(deadline); // which is what FUTEX_WAIT_BITSET wants
    futex(word, FUTEX_WAIT_BITSET, seen, &until);
}

void wake_one(std::atomic<std::uint32_t>& word) noexcept {
    futex(word, FUTEX_WAKE, 1, nullptr);
}

void wake_all(std::atomic<std::uint32_t>& word) noexcept {
    futex(word, FUTEX_WAKE, static_cast<std::uint32_t>(INT32_MAX), nullptr);
}

} // namespace multiprocessing::os

void multiprocessing::detail::name_this_thread(const char* name) noexcept {
    ::prctl(PR_SET_NAME, name);
}
