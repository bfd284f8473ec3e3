// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// stream INPUT OUTPUT: one process reads INPUT, another writes OUTPUT, and a queue is all they share.
#include <multiprocessing.hpp>

#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace mp = multiprocessing;

namespace {

using block = std::vector<char>;

constexpr std::size_t message_size = std::size_t{64} << 10;
/// In turn: blocks that fill a message, leave most of it empty, and have to travel beside the queue.
constexpr std::size_t block_sizes[] = {message_size - sizeof(std::uint64_t), 1, message_size + 1, 4095,
                                       std::size_t{1} << 20};

void produce(const std::string& file, mp::queue<block> q) {
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        throw std::runtime_error("cannot read " + file);
    }
    for (std::size_t i = 0; in; ++i) {
        block next(block_sizes[i % std::size(block_sizes)]);
        in.read(next.data(), static_cast<std::streamsize>(next.size()));
        next.resize(static_cast<std::size_t>(in.gcount()));
        q.put(next);
    }
    q.close();
}

void consume(const std::string& file, mp::queue<block> q) {
    std::ofstream out(file, std::ios::binary);
    out.exceptions(std::ios::failbit | std::ios::badbit);
    for (const block& next : q) {
        out.write(next.data(), static_cast<std::streamsize>(next.size()));
    }
    out.close();
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    if (argc != 3) {
        std::cerr << "usage: stream INPUT OUTPUT\n";
        return 2;
    }
    mp::queue<block> q{{.capacity = 32, .message_size = message_size}};
    mp::process producer{produce, argv[1], q};
    mp::process consumer{consume, argv[2], q};
    producer.start();
    consumer.start();
    producer.join();
    q.close(); // should the producer have failed, the consumer must not wait for ever
    consumer.join();
    return producer.exit_code() == 0 && consumer.exit_code() == 0 ? 0 : 1;
}
