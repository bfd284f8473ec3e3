// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/crash_handler.hpp"

#include "os/crash_report.hpp"
#include "os/socket.hpp"

#include <atomic>
#include <boost/stacktrace/safe_dump_to.hpp>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace multiprocessing::os {
namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
/// What reading a damaged stack leads to.
constexpr std::array read_errors{SIGSEGV, SIGBUS};

/// Reading a stack takes a few KiB, the kernel's frame for the handler up to 12 with the widest registers.
constexpr std::size_t alternate_stack_size = std::size_t{64} << 10;

/// How long a thread that crashes while another is writing the report waits for that.
constexpr timespec moment{0, 1'000'000};
constexpr int most_moments = 1'000;

/// All that the handler uses, made beforehand: it must not ask for memory.
struct {
    int socket = -1;
    pid_t process = 0;
    std::atomic<pid_t> reporter{0}; // the thread that writes the report
    std::atomic<bool> reported{false};
    std::atomic<bool> reading_stack{false};
    sigjmp_buf stack_is_unreadable;
    struct sigaction action {};
    std::array<struct sigaction, read_errors.size()> actions_of_others;
    struct {
        crash_report head;
        std::array<char, largest_packet - sizeof(crash_report)> modules;
    } report;
    std::array<char, 4096> read_from_file;
} the_crash;

/// Whether a line of /proc/self/maps, "begin-end rwxp ...", is of code.
bool is_executable(std::string_view line) {
    const auto permissions = line.find(' ') + 1;
    return permissions != 0 && permissions + 2 < line.size() && line[permissions + 2] == 'x';
}

/// Appends what was read to the lines; those that are complete and not of code are dropped again.
std::size_t append_code_lines(std::string_view content, std::size_t size, std::size_t& line_start) {
    auto& modules = the_crash.report.modules;
    for (const char c : content) {
        if (size == modules.size()) {
            break;
        }
        modules[size++] = c;
        if (c == '\n') {
            size = is_executable({&modules[line_start], size - line_start}) ? size : line_start;
            line_start = size;
        }
    }
    return size;
}

/// Fills in the module lines, as many as there is room for: the executable comes first. How much that is.
std::size_t read_modules() {
    const int file = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    std::size_t size = 0;
    std::size_t line_start = 0;
    for (;;) {
        const auto got = ::read(file, the_crash.read_from_file.data(), the_crash.read_from_file.size());
        if (got <= 0) {
            break;
        }
        size = append_code_lines({the_crash.read_from_file.data(), static_cast<std::size_t>(got)}, size,
                                 line_start);
    }
    ::close(file);
    return line_start;
}

void send_report(int signal) {
    auto& report = the_crash.report;
    report.head.magic = crash_report::expected_magic;
    report.head.signal = signal;
    const auto size = sizeof report.head + read_modules();
    ::send(the_crash.socket, &report, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    the_crash.reported = true;
}

void wait_for_report() {
    for (int i = 0; i != most_moments && !the_crash.reported; ++i) {
        ::nanosleep(&moment, nullptr);
    }
}

/// Lets the signal do what it would have done: sent again, with all that came with it, it waits until the
/// handler has returned to where it happened.
void die_of(int signal, siginfo_t* info) {
    struct sigaction by_default {};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(signal, &by_default, nullptr);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, signal);
    ::pthread_sigmask(SIG_BLOCK, &only, nullptr);
    ::syscall(SYS_rt_tgsigqueueinfo, ::getpid(), ::gettid(), signal, info);
}

/// While the stack is read, errors of that come here, whoever else handles such signals.
void take_read_errors() {
    for (std::size_t i = 0; i != read_errors.size(); ++i) {
        ::sigaction(read_errors[i], &the_crash.action, &the_crash.actions_of_others[i]);
    }
}
void give_back_read_errors() {
    for (std::size_t i = 0; i != read_errors.size(); ++i) {
        ::sigaction(read_errors[i], &the_crash.actions_of_others[i], nullptr);
    }
}

/// Async-signal-safe.
void on_fatal_signal(int signal, siginfo_t* info, void*) {
    const auto thread = ::gettid();
    pid_t nobody = 0;
    if (::getpid() != the_crash.process) { // a copy of it that somebody has forked
    } else if (the_crash.reporter.compare_exchange_strong(nobody, thread)) {
        take_read_errors();
        if (sigsetjmp(the_crash.stack_is_unreadable, 0) == 0) {
            the_crash.reading_stack = true;
            constexpr std::size_t own_frames = 2; // this function, and what the kernel lets it return to
            boost::stacktrace::safe_dump_to(own_frames, the_crash.report.head.frames.data(),
                                            sizeof the_crash.report.head.frames);
        }
        the_crash.reading_stack = false;
        give_back_read_errors();
        send_report(signal);
    } else if (nobody == thread && the_crash.reading_stack) { // it is damaged; the frames so far are noted
        siglongjmp(the_crash.stack_is_unreadable, 1);
    } else if (nobody != thread) {
        wait_for_report();
    }
    die_of(signal, info);
}

void use_alternate_stack() {
    stack_t present{};
    if (::sigaltstack(nullptr, &present) != 0 || (present.ss_flags & SS_DISABLE) == 0) {
        return; // somebody has been here before
    }
    const auto guard = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory = ::mmap(nullptr, guard + alternate_stack_size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED) {
        return;
    }
    ::mprotect(memory, guard, PROT_NONE);
    const stack_t alternate{
        .ss_sp = static_cast<char*>(memory) + guard, .ss_flags = 0, .ss_size = alternate_stack_size};
    ::sigaltstack(&alternate, nullptr);
}

} // namespace

crash_reporting::crash_reporting(int socket) noexcept {
    the_crash.socket = socket;
    the_crash.process = ::getpid();
    use_alternate_stack();
    auto& action = the_crash.action;
    action.sa_sigaction = &on_fatal_signal;
    // Reading a stack that is damaged is a crash of its own: the handler notices.
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    ::sigfillset(&action.sa_mask);
    for (const int number : fatal_signals) {
        ::sigdelset(&action.sa_mask, number);
    }
    for (const int number : fatal_signals) {
        struct sigaction present {};
        if (::sigaction(number, nullptr, &present) == 0 && (present.sa_flags & SA_SIGINFO) == 0 &&
            present.sa_handler == SIG_DFL) {
            ::sigaction(number, &action, nullptr);
        }
    }
}

crash_reporting::~crash_reporting() {
    the_crash.process = 0; // the handler stays, and reports nothing
}

} // namespace multiprocessing::os
