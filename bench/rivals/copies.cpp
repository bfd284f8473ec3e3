// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A large value to another process and back, by hand through memory that both have mapped: into fresh
// vectors, or the four copies alone, where all memory is warm.
#include "common/fork.hpp"
#include "common/large_value.hpp"

#include <cstring>
#include <semaphore.h>
#include <string_view>

namespace {

constexpr auto usage = "fresh|warm TRIPS";

struct crossing {
    sem_t there;
    sem_t back;
    bool last;
};

void copy(void* to, const void* from) {
    std::memcpy(to, from, bench::large_value);
}

std::vector<char> fresh_copy(const char* from) {
    std::vector<char> result;
    result.resize(bench::large_value);
    copy(result.data(), from);
    return result;
}

void measure_fresh(int trips, char* there, char* back) {
    auto* turns = bench::shared_memory<crossing>(1);
    ::sem_init(&turns->there, 1, 0);
    ::sem_init(&turns->back, 1, 0);
    const bench::child other([&] {
        for (::sem_wait(&turns->there); !turns->last; ::sem_wait(&turns->there)) {
            auto value = fresh_copy(there);
            ++value.front();
            copy(back, value.data());
            ::sem_post(&turns->back);
        }
    });
    bench::measure_trips(trips, [&](const std::vector<char>& value) {
        copy(there, value.data());
        ::sem_post(&turns->there);
        ::sem_wait(&turns->back);
        return fresh_copy(back);
    });
    turns->last = true;
    ::sem_post(&turns->there);
}

void measure_warm(int trips, char* there, char* back) {
    std::vector<char> task(bench::large_value);
    std::vector<char> result(bench::large_value);
    bench::measure_trips(trips, [&](const std::vector<char>& value) -> const std::vector<char>& {
        copy(there, value.data());
        copy(task.data(), there);
        ++task.front();
        copy(back, task.data());
        copy(result.data(), back);
        return result;
    });
}

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    const auto trips = bench::number(argc, argv, 2, usage);
    auto* there = bench::shared_memory<char>(bench::large_value);
    auto* back = bench::shared_memory<char>(bench::large_value);
    if (what == "fresh") {
        measure_fresh(trips, there, back);
    } else {
        measure_warm(trips, there, back);
    }
}
