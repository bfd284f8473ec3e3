// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What the kernel has for two processes: a pipe for small values, a pair of sockets for large ones.
#include "common/fork.hpp"
#include "common/messages.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <vector>

namespace {

constexpr auto usage = "small|large VALUES";

void write_all_of(int to, const void* data, std::size_t size) {
    const auto* position = static_cast<const char*>(data);
    while (size != 0) {
        const auto written = ::write(to, position, size);
        bench::expect(written > 0, "write");
        position += written;
        size -= static_cast<std::size_t>(written);
    }
}

void read_all_of(int from, void* data, std::size_t size) {
    auto* position = static_cast<char*>(data);
    while (size != 0) {
        const auto taken = ::read(from, position, size);
        bench::expect(taken > 0, "read");
        position += taken;
        size -= static_cast<std::size_t>(taken);
    }
}

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    const auto count = bench::number(argc, argv, 2, usage);
    int ends[2];
    if (what == "small") {
        bench::expect(::pipe(ends) == 0, "pipe");
        ::fcntl(ends[1], F_SETPIPE_SZ, bench::small_capacity * sizeof(bench::small));
        const bench::child writer([&] {
            bench::write_all(count, [&](std::uint64_t number) {
                const bench::small value{number, 0};
                write_all_of(ends[1], &value, sizeof value);
            });
        });
        bench::measure_small(count, [&] {
            bench::small value{};
            read_all_of(ends[0], &value, sizeof value);
            return value[0];
        });
    } else {
        bench::expect(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
        std::vector<char> value(bench::large);
        const bench::child writer([&] {
            bench::write_all(count, [&](std::uint64_t number) {
                bench::stamp(value, number);
                write_all_of(ends[1], value.data(), value.size());
            });
        });
        bench::measure_large(count, [&] {
            read_all_of(ends[0], value.data(), value.size());
            return bench::number_of(value);
        });
    }
}
