// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A pool of processes: five tasks, at most four of them at the same time.
#include <multiprocessing.hpp>

#include <boost/core/demangle.hpp>
#include <chrono>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <random>
#include <thread>
#include <unistd.h>

namespace mp = multiprocessing;

// time.sleep(random.random() * longest), in Python. MULTIPROCESSING_DEMO_SPEED=10 makes it ten times as fast.
static void sleep_randomly(double longest) {
    const char* speed = std::getenv("MULTIPROCESSING_DEMO_SPEED");
    std::random_device source;
    std::uniform_real_distribution<> seconds(0, longest / (speed != nullptr ? std::atof(speed) : 1));
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds(source)));
}

static void long_time_task(int name) {
    std::cout << "Run task " << name << " (" << ::getpid() << ")" << std::endl;
    const auto start = std::chrono::steady_clock::now();
    sleep_randomly(3);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
    std::cout << "Task " << name << " runs " << std::fixed << std::setprecision(2) << taken.count()
              << " seconds.\n"
              << std::endl;
}

int main(int argc, char** argv) {
    mp::init(argc, argv);

    std::cout << "Parent process " << ::getpid() << "." << std::endl;
    // At most four processes run at the same time: that is what a pool is for.
    mp::pool p{4};
    // Python's print(type(p)): a typeid knows the name as the linker sees it, demangle makes it readable.
    std::cout << "<class '" << boost::core::demangle(typeid(p).name()) << "'>" << std::endl;
    for (int i = 0; i < 5; ++i) {
        p.apply_async(long_time_task, i);
    }
    std::cout << "Waiting for all subprocesses done..." << std::endl;
    p.close(); // no more tasks
    p.join();
    std::cout << "All subprocesses done." << std::endl;
}
