// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What happens within one process: values to bytes and back, a queue that nobody else uses, and giving a task
// to a pool.
#include "common/messages.hpp"
#include "common/tasks.hpp"

#include <multiprocessing.hpp>

#include <benchmark/benchmark.h>
#include <string>

namespace mp = multiprocessing;

namespace {

struct order {
    int id;
    std::string customer;
    std::vector<double> prices;
};

void encode_and_decode_int(benchmark::State& state) {
    for (auto _ : state) {
        const auto bytes = mp::encode(42);
        benchmark::DoNotOptimize(mp::decode<int>(bytes));
    }
}

void encode_order(benchmark::State& state) {
    const order value{1, "Ada", {1.5, 2.5}};
    for (auto _ : state) {
        benchmark::DoNotOptimize(mp::encode(value));
    }
}

void decode_order(benchmark::State& state) {
    const auto bytes = mp::encode(order{1, "Ada", {1.5, 2.5}});
    for (auto _ : state) {
        benchmark::DoNotOptimize(mp::decode<order>(bytes));
    }
}

void encode_and_decode_1_MiB(benchmark::State& state) {
    const std::vector<char> value(bench::large, 'x');
    for (auto _ : state) {
        const auto bytes = mp::encode(value);
        benchmark::DoNotOptimize(mp::decode<std::vector<char>>(bytes));
    }
}

void queue_put_and_get(benchmark::State& state) {
    mp::queue<bench::small> queue(bench::small_capacity);
    for (auto _ : state) {
        queue.put({});
        benchmark::DoNotOptimize(queue.get());
    }
}

/// As long as there is room: the time that the tasks take to finish does not count.
void submit(benchmark::State& state) {
    constexpr int batch = 1000;
    mp::pool pool({.processes = 1, .task_queue_capacity = batch});
    std::vector<mp::future<int>> futures;
    futures.reserve(batch);
    for (auto _ : state) {
        if (futures.size() == batch) {
            state.PauseTiming();
            mp::wait_all(futures);
            futures.clear();
            state.ResumeTiming();
        }
        futures.push_back(pool.apply_async(bench::identity, 1));
    }
}

BENCHMARK(encode_and_decode_int);
BENCHMARK(encode_order);
BENCHMARK(decode_order);
BENCHMARK(encode_and_decode_1_MiB);
BENCHMARK(queue_put_and_get);
BENCHMARK(submit)->Iterations(50'000)->UseRealTime();

/// Says it as all programs here do.
class lines : public benchmark::BenchmarkReporter {
public:
    bool ReportContext(const Context& /*context*/) override { return true; }
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const auto& run : runs) {
            bench::expect(!run.error_occurred, run.error_message.c_str());
            bench::report(run.run_name.function_name.c_str(), run.GetAdjustedRealTime(),
                          benchmark::GetTimeUnitString(run.time_unit));
        }
    }
};

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    benchmark::Initialize(&argc, argv);
    lines reporter;
    return benchmark::RunSpecifiedBenchmarks(&reporter) != 0 ? 0 : 1;
}
