// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Communication between processes: one writes into a queue, another reads from it.
#include <multiprocessing.hpp>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
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

// What the writing process executes (plain `write` and `read` would collide with those of <unistd.h>).
static void writer(mp::queue<std::string> q) {
    std::cout << "Process to write: " << ::getpid() << "." << std::endl;
    for (const std::string value : {"A", "B", "C"}) {
        std::cout << "Put " << value << " to queue..." << std::endl;
        q.put(value);
        sleep_randomly(10);
    }
}

// What the reading process executes.
static void reader(mp::queue<std::string> q) {
    std::cout << "Process to read: " << ::getpid() << "." << std::endl;
    while (true) {
        const std::string value = q.get();
        std::cout << "Get " << value << " from queue." << std::endl;
    }
}

int main(int argc, char** argv) {
    mp::init(argc, argv);

    // The parent makes the queue and hands it to both children: theirs is the same queue.
    mp::queue<std::string> q;
    mp::process pw{writer, q};
    mp::process pr{reader, q};
    pw.start();
    pr.start();

    pw.join();
    // One step more than in Python, which may end the reader before it has printed the last value.
    while (!pr.join_for(std::chrono::milliseconds(100)) && !q.empty()) {
    }
    // pr is in an endless loop: it has to be ended.
    pr.terminate();
    std::cout << "Process end." << std::endl;
}
