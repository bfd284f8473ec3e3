// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <csignal>
#include <cstddef>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// Children as a rival would have them by hand: forked, with memory that was shared before.
namespace bench {

/// A forked process that runs `work` and ends.
class child {
public:
    template <class Work>
    explicit child(const Work& work) : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            work();
            std::_Exit(0);
        }
        expect(pid_ > 0, "fork");
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() {
        int status = 0;
        ::waitpid(pid_, &status, 0);
        expect(status == 0, "the child's end");
    }

private:
    pid_t pid_;
};

/// Zeroed memory that children share.
template <class T>
T* shared_memory(std::size_t count) {
    void* memory =
        ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    expect(memory != MAP_FAILED, "mmap");
    return static_cast<T*>(memory);
}

} // namespace bench
