// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// boost::asio::thread_pool: the same tasks in threads of this process.
#include "common/tasks.hpp"

#include <boost/asio/packaged_task.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>

namespace {

constexpr auto usage = "async|sync|map TASKS";
constexpr std::size_t workers = 2;
constexpr std::size_t chunks = 8;

template <class Task>
auto post(boost::asio::thread_pool& pool, Task task) {
    return boost::asio::post(pool, std::packaged_task<decltype(task())()>(std::move(task)));
}

std::vector<int> map(boost::asio::thread_pool& pool, const std::vector<int>& numbers) {
    std::vector<int> result(numbers.size());
    std::vector<std::future<void>> done;
    for (std::size_t chunk = 0; chunk != chunks; ++chunk) {
        const auto begin = numbers.size() * chunk / chunks;
        const auto end = numbers.size() * (chunk + 1) / chunks;
        done.push_back(post(pool, [&, begin, end] {
            for (auto i = begin; i != end; ++i) {
                result[i] = bench::identity(numbers[i]);
            }
        }));
    }
    for (auto& each : done) {
        each.get();
    }
    return result;
}

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    const auto tasks = bench::number(argc, argv, 2, usage);
    boost::asio::thread_pool pool(workers);
    const auto submit = [&](int i) { return post(pool, [i] { return bench::identity(i); }); };
    if (what == "async") {
        bench::measure_async(tasks, submit);
    } else if (what == "sync") {
        bench::measure_sync(tasks, [&](int i) { return submit(i).get(); });
    } else {
        bench::measure_map(tasks, [&](const auto& numbers) { return map(pool, numbers); });
    }
    pool.join();
}
