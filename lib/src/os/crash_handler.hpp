// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

namespace multiprocessing::os {

/// While it exists, a crash report goes over the socket when this process is about to die of a fatal signal
/// (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS); it dies of that signal all the same, at the
/// same place. Signals that somebody else handles by now, a sanitizer say, stay theirs. To be made once in a
/// process, by the thread whose stack may overflow: only that one is given an alternate stack. Where
/// something is lacking there is no report.
class crash_reporting {
public:
    explicit crash_reporting(int socket) noexcept;
    ~crash_reporting();
    crash_reporting(const crash_reporting&) = delete;
    crash_reporting& operator=(const crash_reporting&) = delete;
};

} // namespace multiprocessing::os
