// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a process costs from start to join, beside vfork and exec of the same program by hand, from a parent
// that is small and from one that has a GiB. Rounds alternate: only the ratios mean anything.
#include "rounds.hpp"

#include <multiprocessing.hpp>

#include <cstdio>
#include <cstring>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace mp = multiprocessing;

namespace {

constexpr int rounds = 15;
constexpr int times = 20;

void do_nothing() {}

void by_hand(const char* program) {
    const char* arguments[] = {program, "child", nullptr};
    const pid_t child = ::vfork();
    if (child == 0) {
        ::execve("/proc/self/exe", const_cast<char**>(arguments), environ);
        ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
}

void by_library() {
    mp::process child(do_nothing);
    child.start();
    child.join();
}

template <class Start>
auto repeated(const Start& start) {
    return [&start](int so_often) {
        for (int i = 0; i != so_often; ++i) {
            start();
        }
    };
}

void compare(const char* what, const char* program) {
    std::vector<double> ours;
    std::vector<double> theirs;
    const auto theirs_once = [&] { by_hand(program); };
    for (int round = 0; round != rounds; ++round) {
        ours.push_back(microseconds_each(times, repeated(by_library)));
        theirs.push_back(microseconds_each(times, repeated(theirs_once)));
    }
    std::printf("%-24s %10.0f us %14.0f us %8.2f\n", what, median(ours), median(theirs),
                median(ours) / median(theirs));
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::strcmp(argv[1], "child") == 0) {
        return 0;
    }
    mp::init(argc, argv);
    std::printf("%-24s %13s %17s %8s\n", "start and join", "mp::process", "vfork and exec", "ratio");
    compare("a small parent", argv[0]);
    std::vector<char> large(std::size_t{1} << 30, 'x');
    compare("a parent of 1 GiB", argv[0]);
    return large.back() == 'x' ? 0 : 1;
}
