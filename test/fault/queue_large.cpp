// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Values too large for a message lie in memory that is used again. They arrive as they were put, whoever is
// killed, and take no more memory than there are of them.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/serialization/access.hpp>
#include <memory>
#include <numeric>
#include <random>
#include <sys/stat.h>
#include <sys/wait.h>

using namespace fault;

namespace {

using block = std::vector<std::uint32_t>;
using blocks = mp::queue<block>;

/// A value that tells by itself whether it is whole.
block made_of(std::uint32_t seed, std::size_t size) {
    block made(size);
    std::iota(made.begin(), made.end(), seed);
    return made;
}
bool is_whole(const block& value) {
    return value == made_of(value.front(), value.size());
}

constexpr int values_of_a_writer = 300;

void write_blocks(blocks to, std::uint32_t writer) {
    std::minstd_rand random(writer);
    for (std::uint32_t i = 0; i != values_of_a_writer; ++i) {
        // From what barely is too large for a message to two MiB, small ones more often.
        to.put(made_of(writer * values_of_a_writer + i, 150 + (std::size_t{1} << random() % 20)));
    }
}
/// Tells how many were whole.
void read_blocks(blocks from, mp::queue<int> counts) {
    int whole = 0;
    for (const auto& value : from) {
        whole += is_whole(value) ? 1 : 0;
    }
    counts.put(whole);
}
void echo(blocks from, blocks to) {
    for (const auto& value : from) {
        to.put(value);
    }
}

/// A value in the middle of which whoever receives it stays.
class trap {
public:
    trap() = default;
    explicit trap(std::size_t size) : bytes_(size) {}

private:
    friend class boost::serialization::access;
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& bytes_;
        if constexpr (Archive::is_loading::value) {
            stay();
        }
    }
    std::vector<char> bytes_;
};

void fall_into(mp::queue<trap> queue) {
    (void)queue.get();
}
void put_and_wait(blocks queue, const std::string& begun) {
    std::ofstream(begun).put('x');
    queue.put(made_of(0, 1 << 18));
}

/// What the names in shared memory stand for, in bytes.
std::size_t memory_of_names() {
    std::size_t sum = 0;
    for (const auto& name : names_of(::getpid())) {
        struct stat status {};
        if (::stat(("/dev/shm/" + name).c_str(), &status) == 0) {
            sum += static_cast<std::size_t>(status.st_blocks) * 512;
        }
    }
    return sum;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_large, leaves_nothing)

BOOST_AUTO_TEST_CASE(values_of_all_sizes_arrive_whole_from_several_writers_at_several_readers) {
    constexpr std::uint32_t each = 3;
    blocks queue(8);
    mp::queue<int> counts(each);
    std::vector<mp::process> writers;
    std::vector<mp::process> readers;
    for (std::uint32_t i = 0; i != each; ++i) {
        writers.emplace_back(write_blocks, queue, i).start();
        readers.emplace_back(read_blocks, queue, counts).start();
    }
    for (auto& writer : writers) {
        BOOST_TEST_REQUIRE(writer.join_for(hang_limit));
    }
    queue.close();
    int whole = 0;
    for (auto& reader : readers) {
        whole += counts.get_for(hang_limit).value();
        BOOST_TEST(reader.join_for(hang_limit));
    }
    BOOST_TEST(whole == int(each) * values_of_a_writer);
}

BOOST_AUTO_TEST_CASE(ten_thousand_values_take_no_more_memory_than_a_few) {
    constexpr std::size_t size = 25'000; // of 100,000 bytes
    const auto names = names_of(::getpid());
    blocks there(2);
    blocks back(2);
    mp::process other(echo, there, back);
    other.start();
    const auto names_of_queues = names_of(::getpid()).size();
    const auto memory_of_queues = memory_of_names();
    for (std::uint32_t i = 0; i != 5'000; ++i) { // each passes twice
        there.put(made_of(i, size));
        BOOST_TEST_REQUIRE(is_whole(back.get()));
        if (i % 100 == 0) {
            BOOST_TEST(names_of(::getpid()).size() == names_of_queues);
            BOOST_TEST(memory_of_names() < memory_of_queues + 20 * size * sizeof(block::value_type));
        }
    }
    there.close();
    BOOST_TEST(other.join_for(hang_limit));
}

BOOST_AUTO_TEST_CASE(more_than_is_kept_is_put_and_got_in_order) {
    const auto size = larger_than_kept() / sizeof(block::value_type) / 16;
    constexpr std::uint32_t values = 24;
    blocks queue(values);
    for (int round = 0; round != 2; ++round) {
        for (std::uint32_t i = 0; i != values; ++i) {
            BOOST_TEST_REQUIRE(queue.try_put(made_of(i, size + i)));
        }
        for (std::uint32_t i = 0; i != values; ++i) {
            BOOST_TEST_REQUIRE((queue.try_get().value() == made_of(i, size + i)));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_value_larger_than_what_is_kept_passes_between_others) {
    blocks there(3);
    blocks back(3);
    mp::process other(echo, there, back);
    other.start();
    for (const std::size_t size : {std::size_t{1'000}, larger_than_kept(), std::size_t{1'000'000}}) {
        const auto value = made_of(1, size / sizeof(block::value_type) + 1);
        there.put(value);
        BOOST_TEST((back.get_for(hang_limit) == value));
    }
    there.close();
    BOOST_TEST(other.join_for(hang_limit));
}

BOOST_AUTO_TEST_CASE(readers_killed_while_they_read_cost_one_value_each) {
    // Together more than what is kept.
    constexpr int readers = 12;
    const auto size = larger_than_kept() / 8;
    mp::queue<trap> queue(1);
    const auto names = names_of(::getpid()).size();
    for (int i = 0; i != readers; ++i) {
        auto reader = mp::process(fall_into, queue);
        reader.start();
        queue.put(trap(size));
        BOOST_TEST(names_of(::getpid()).size() == names, "reader " << i << ": the memory is not used again");
        BOOST_TEST_REQUIRE(eventually([&] { return queue.empty() && look_at(reader.pid()).state == 'S'; }));
        reader.kill();
        reader.join();
    }
}

BOOST_AUTO_TEST_CASE(writers_killed_while_they_wait_for_room_cost_nothing) {
    constexpr int writers = 12;
    blocks queue(1);
    const auto names = names_of(::getpid()).size();
    queue.put(made_of(1, 1 << 18));
    for (int i = 0; i != writers; ++i) {
        const scratch_file begun;
        mp::process writer(put_and_wait, queue, begun.path());
        writer.start();
        BOOST_TEST_REQUIRE(eventually([&] { return begun.exists() && look_at(writer.pid()).state == 'S'; }));
        writer.kill();
        writer.join();
    }
    BOOST_TEST((queue.get() == made_of(1, 1 << 18)));
    for (std::uint32_t i = 0; i != writers; ++i) {
        queue.put(made_of(i, 1 << 18));
        BOOST_TEST((queue.get() == made_of(i, 1 << 18)));
    }
    BOOST_TEST(names_of(::getpid()).size() == names);
}

BOOST_AUTO_TEST_CASE(a_forked_copy_takes_nothing_with_it) {
    auto queue = std::make_unique<blocks>(2);
    queue->put(made_of(1, 1 << 18));
    queue->put(made_of(2, larger_than_kept()));
    const auto copy = ::fork();
    if (copy == 0) {
        queue.reset();
        ::_exit(0);
    }
    ::waitpid(copy, nullptr, 0);
    BOOST_TEST((queue->get() == made_of(1, 1 << 18)));
    BOOST_TEST((queue->get() == made_of(2, larger_than_kept())));
}

BOOST_AUTO_TEST_SUITE_END()
