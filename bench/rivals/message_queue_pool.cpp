// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A pool of processes by hand, as fast as one can make it: per worker two
// boost::interprocess::message_queues, one thread, and nobody ever sleeps.
#include "common/fork.hpp"
#include "common/message_queue.hpp"
#include "common/tasks.hpp"

#include <list>
#include <sched.h>

namespace {

constexpr std::size_t workers = 2;
constexpr std::size_t slots = 64;

using function = int (*)(int);

/// Where the program's code is: in another process it may be elsewhere.
const char* code() {
    return reinterpret_cast<const char*>(&bench::identity);
}

struct task {
    int id; ///< -1: no more
    std::ptrdiff_t function_offset;
    int argument;
};
struct result {
    int id;
    int value;
};

class worker {
public:
    [[nodiscard]] bool try_give(const task& next) { return bench::try_send(tasks_, next); }
    [[nodiscard]] bool try_take(result& next) { return bench::try_receive(results_, next); }

private:
    void work() {
        for (task next{};;) {
            bench::until([&] { return bench::try_receive(tasks_, next); });
            if (next.id < 0) {
                return;
            }
            const auto f = reinterpret_cast<function>(code() + next.function_offset);
            const result done{next.id, f(next.argument)};
            bench::until([&] { return bench::try_send(results_, done); });
        }
    }

    bench::forked_message_queue tasks_{slots, sizeof(task)};
    bench::forked_message_queue results_{slots, sizeof(result)};
    bench::child process_{[this] { work(); }};
};

/// The identities of 0 to `count` - 1.
std::vector<int> run(std::list<worker>& pool, int count) {
    std::vector<int> values(static_cast<std::size_t>(count));
    const auto offset = reinterpret_cast<const char*>(&bench::identity) - code();
    int given = 0;
    for (int done = 0; done != count;) {
        bool idle = true;
        for (auto& worker : pool) {
            while (given != count && worker.try_give({given, offset, given})) {
                ++given;
                idle = false;
            }
            for (result next{}; worker.try_take(next); ++done) {
                values[static_cast<std::size_t>(next.id)] = next.value;
                idle = false;
            }
        }
        if (idle) {
            ::sched_yield();
        }
    }
    return values;
}

} // namespace

int main(int argc, char** argv) {
    const auto count = bench::number(argc, argv, 1, "TASKS");
    std::list<worker> pool(workers);
    run(pool, count / 10);
    std::vector<int> values;
    const auto time = bench::seconds([&] { values = run(pool, count); });
    bench::expect(std::accumulate(values.begin(), values.end(), std::int64_t{0}) == bench::sum_below(count),
                  "the tasks' values");
    bench::report("rate", count / time, "tasks/s");
    for (auto& worker : pool) {
        bench::until([&] { return worker.try_give({-1, 0, 0}); });
    }
}
