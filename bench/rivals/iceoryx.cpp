// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// iceoryx between two processes: 1 MiB, copied into a loaned chunk, and out of it. Both wait for each other,
// so that nothing is lost. Needs RouDi: see with_roudi.
#include "common/fork.hpp"
#include "common/messages.hpp"

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/subscriber.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include <cstring>
#include <vector>

namespace {

const iox::capro::ServiceDescription service{"bench", "large", "value"};

void write(int count) {
    iox::runtime::PoshRuntime::initRuntime("bench-writer");
    iox::popo::UntypedPublisher publisher(
        service, {.historyCapacity = 0,
                  .subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER});
    while (!publisher.hasSubscribers()) {
        ::usleep(1000);
    }
    std::vector<char> value(bench::large);
    bench::write_all(count, [&](std::uint64_t number) {
        bench::stamp(value, number);
        publisher.loan(bench::large)
            .and_then([&](void* chunk) {
                std::memcpy(chunk, value.data(), value.size());
                publisher.publish(chunk);
            })
            .or_else([](auto&) { bench::expect(false, "loan"); });
    });
    while (publisher.hasSubscribers()) { // what has been published goes with its publisher
        ::usleep(1000);
    }
}

/// Ends the process as iceoryx wants it: the destructor of its runtime tells RouDi.
void write_and_exit(int count) {
    write(count);
    std::exit(0);
}

} // namespace

int main(int argc, char** argv) {
    const auto count = bench::number(argc, argv, 1, "VALUES");
    iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError,
                                                             iox::log::LogLevelOutput::kHideLogLevel);
    const bench::child writer([&] { write_and_exit(count); });
    iox::runtime::PoshRuntime::initRuntime("bench-reader");
    iox::popo::UntypedSubscriber subscriber(service,
                                            {.queueCapacity = bench::large_capacity,
                                             .queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER});
    iox::popo::WaitSet<1> arrivals;
    arrivals.attachState(subscriber, iox::popo::SubscriberState::HAS_DATA).or_else([](auto) {
        bench::expect(false, "attachState");
    });
    std::vector<char> value(bench::large);
    bench::measure_large(count, [&] {
        for (bool taken = false; !taken;) {
            subscriber.take()
                .and_then([&](const void* chunk) {
                    std::memcpy(value.data(), chunk, value.size());
                    subscriber.release(chunk);
                    taken = true;
                })
                .or_else([&](auto&) { arrivals.wait(); });
        }
        return bench::number_of(value);
    });
}
