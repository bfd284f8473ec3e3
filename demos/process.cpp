// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Creating a child process. Lines end in std::endl, not "\n", so that what several processes print comes out
// in the order in which they print it, into a pipe or a file as well.
#include <multiprocessing.hpp>

#include <iostream>
#include <string>
#include <unistd.h>

namespace mp = multiprocessing;

// What the child process executes.
static void run_proc(const std::string& name) {
    std::cout << "Run child process " << name << " (" << ::getpid() << ")..." << std::endl;
}

int main(int argc, char** argv) {
    mp::init(argc, argv); // a child process goes from here to its function, and never further down

    std::cout << "Parent process " << ::getpid() << "." << std::endl;
    // The function and its arguments; nothing runs yet.
    mp::process p{run_proc, "test"};
    std::cout << "Child process will start." << std::endl;
    p.start();
    // Wait until the child has ended.
    p.join();
    std::cout << "Child process end." << std::endl;
}
