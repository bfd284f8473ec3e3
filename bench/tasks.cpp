// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a task costs in another process, beside the same task in a thread of this one
// (boost::asio::thread_pool). Rounds alternate, medians are compared: only the ratios mean anything.
#include "rounds.hpp"

#include <multiprocessing.hpp>

#include <boost/asio/packaged_task.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <future>
#include <vector>

namespace mp = multiprocessing;

namespace {

constexpr int rounds = 7;
constexpr std::size_t workers = 2;

int identity(int x) {
    return x;
}

template <class Processes, class Threads>
void compare(const char* what, int times, const Processes& processes, const Threads& threads) {
    std::vector<double> in_processes;
    std::vector<double> in_threads;
    for (int round = 0; round != rounds; ++round) {
        in_processes.push_back(microseconds_each(times, processes));
        in_threads.push_back(microseconds_each(times, threads));
    }
    const auto ours = median(in_processes);
    const auto theirs = median(in_threads);
    std::printf("%-28s %10.2f us %14.2f us %8.1f\n", what, ours, theirs, ours / theirs);
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    mp::pool pool{workers};
    boost::asio::thread_pool threads{workers};
    const auto post = [&](int x) {
        return boost::asio::post(threads, std::packaged_task<int()>([x] { return identity(x); }));
    };
    std::printf("%-28s %13s %17s %8s\n", "per task", "mp::pool", "asio::thread_pool", "ratio");
    compare(
        "one after the other", 2'000,
        [&](int times) {
            for (int i = 0; i != times; ++i) {
                pool.apply(identity, i);
            }
        },
        [&](int times) {
            for (int i = 0; i != times; ++i) {
                post(i).get();
            }
        });
    compare(
        "all at once", 50'000,
        [&](int times) {
            std::vector<mp::future<int>> futures;
            for (int i = 0; i != times; ++i) {
                futures.push_back(pool.apply_async(identity, i));
            }
            mp::wait_all(futures);
        },
        [&](int times) {
            std::vector<std::future<int>> futures;
            for (int i = 0; i != times; ++i) {
                futures.push_back(post(i));
            }
            for (auto& future : futures) {
                future.wait();
            }
        });
    threads.join();
}
