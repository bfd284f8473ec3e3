// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/queue.hpp>

#include <unistd.h>
#include <vector>

/// Keeps tasks waiting until the test lets them go on, so that a test can know what runs and what does not.
/// A handle, to be handed to the tasks.
struct gate {
    multiprocessing::queue<long> arrived{100};
    multiprocessing::queue<int> opened{100};

    /// In the task: says that it is there, and waits.
    void pass() {
        arrived.put(::getpid());
        opened.get();
    }
    /// In the test: waits for a task to be there, and gives its process id.
    long wait_for_task() { return arrived.get(); }
    /// In the test: lets so many tasks pass.
    void open(int tasks = 1) {
        for (int i = 0; i != tasks; ++i) {
            opened.put(0);
        }
    }
};

inline int pass_gate(gate g, int result) {
    g.pass();
    return result;
}
