// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "measure.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

/// What goes through queues and their like, whatever kind of queue it is: values that are numbered from 0.
namespace bench {

/// 16 bytes.
using small = std::array<std::uint64_t, 2>;
inline constexpr int small_capacity = 1024;

inline constexpr std::size_t large = std::size_t{1} << 20;
inline constexpr int large_capacity = 4;

/// Both ends of a large value tell its number.
inline void stamp(std::span<char> value, std::uint64_t number) {
    std::memcpy(value.data(), &number, sizeof number);
    value.back() = static_cast<char>(number);
}
inline std::uint64_t number_of(std::span<const char> value) {
    std::uint64_t number = 0;
    std::memcpy(&number, value.data(), sizeof number);
    expect(value.back() == static_cast<char>(number), "the end of a large value");
    return number;
}

/// A small value through anything that sends and receives bytes.
template <class Channel>
void send_number(Channel& to, std::uint64_t number) {
    const small value{number, 0};
    to.send(&value, sizeof value);
}
template <class Channel>
std::uint64_t receive_number(Channel& from) {
    small value{};
    from.receive(&value, sizeof value);
    return value[0];
}

/// With those that warm up.
inline int in_all(int count) {
    return count + count / 10;
}

/// `put(number)` for all values that `one_way` is going to get.
template <class Put>
void write_all(int count, const Put& put) {
    for (std::uint64_t i = 0; i != static_cast<std::uint64_t>(in_all(count)); ++i) {
        put(i);
    }
}

/// How many values a second come from `get()`, which returns the next one's number.
template <class Get>
double values_per_second(int count, const Get& get) {
    std::uint64_t next = 0;
    const auto receive = [&](int so_many) {
        for (int i = 0; i != so_many; ++i) {
            expect(get() == next++, "the order of values");
        }
    };
    receive(in_all(count) - count);
    return count / seconds([&] { receive(count); });
}

template <class Get>
void measure_small(int count, const Get& get) {
    report("rate", values_per_second(count, get), "messages/s");
}
template <class Get>
void measure_large(int count, const Get& get) {
    report("rate", values_per_second(count, get) * static_cast<double>(large) / 1e9, "GB/s");
}

/// `exchange(number)` sends a value to another process, which sends it back, and returns its number.
template <class Exchange>
void measure_round_trip(int count, const Exchange& exchange) {
    std::uint64_t next = 0;
    report_latencies(times_of(count, [&](int) {
        expect(exchange(next) == next, "the value that came back");
        ++next;
    }));
}

} // namespace bench
