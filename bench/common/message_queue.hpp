// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/interprocess/ipc/message_queue.hpp>

#include <atomic>
#include <cstddef>
#include <sched.h>
#include <string>
#include <unistd.h>

/// boost::interprocess::message_queue as the rivals use it.
namespace bench {

using boost::interprocess::message_queue;

/// A message queue for this process and those that it forks; its name is gone at once.
class forked_message_queue : public message_queue {
public:
    forked_message_queue(std::size_t slots, std::size_t size)
        : forked_message_queue(next_name(), slots, size) {}

private:
    forked_message_queue(const std::string& name, std::size_t slots, std::size_t size)
        : message_queue(boost::interprocess::create_only, name.c_str(), slots, size) {
        remove(name.c_str());
    }
    static std::string next_name() {
        static std::atomic<int> made = 0;
        return "bench-" + std::to_string(::getpid()) + "-" + std::to_string(made++);
    }
};

template <class T>
bool try_send(message_queue& to, const T& value) {
    return to.try_send(&value, sizeof value, 0);
}
template <class T>
bool try_receive(message_queue& from, T& value) {
    message_queue::size_type size = 0;
    unsigned priority = 0;
    return from.try_receive(&value, sizeof value, size, priority);
}

/// Tries until it succeeds.
template <class Try>
void until(const Try& attempt) {
    while (!attempt()) {
        ::sched_yield();
    }
}

} // namespace bench
