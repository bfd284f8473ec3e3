// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Those who send to a connection and receive from it are killed at any instant, as are those who have been
// sent one. Nothing is torn, doubled or lost but what a dead receiver had in its hand; nobody hangs.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <array>
#include <cstdint>
#include <random>
#include <sys/socket.h>

using namespace fault;

namespace {

using numbers = mp::connection<std::uint64_t>;
using block = std::vector<std::uint64_t>;
using blocks = mp::connection<block>;

/// Small ones, ones that fill a packet, and ones in memory of their own.
block block_of(std::uint64_t n) {
    static constexpr std::array<std::size_t, 4> sizes{3, 300, 20'000, 25'000};
    return block(sizes.at(n % sizes.size()), n);
}

void write_blocks(blocks to, std::uint64_t first, std::uint64_t step) {
    for (std::uint64_t n = first;; n += step) {
        to.send(block_of(n));
    }
}

/// Who got which value how often.
struct ledger {
    std::atomic<std::uint32_t> readers;
    std::array<std::atomic<std::uint32_t>, 100'000> got;
};

void read_numbers(numbers from, const std::string& path) {
    const shared<ledger> book(path);
    ++book->readers;
    try {
        for (;;) {
            ++book->got.at(from.recv());
        }
    } catch (const mp::end_of_file&) {
    }
}

mp::process start(mp::process process) {
    process.start();
    return process;
}

void pause_at_random(std::minstd_rand& random, unsigned most_microseconds) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::microseconds(random() % most_microseconds);
    while (std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
    }
}

template <class T>
void stay_with(mp::connection<T>) {
    stay();
}
int stay_as_task(numbers with) {
    with.send(static_cast<std::uint64_t>(::getpid()));
    stay();
}
template <class T>
void receive_one(mp::connection<T> from) {
    from.send(T()); // is there
    from.recv();
}
void send_until_full(numbers to) {
    while (to.try_send(0)) {
    }
    to.send(0);
}
void put_and_end(mp::queue<numbers> to, numbers what) {
    to.put(what);
    ::_exit(0);
}
/// Receives connections for ever, and tells of each.
void take_connections(mp::connection<numbers> from) {
    for (;;) {
        from.recv().send(1);
    }
}
void get_connections(mp::queue<numbers> from, mp::connection<int> got) {
    for (;;) {
        from.get().send(1);
        got.send(0);
    }
}

/// One of two who get connections from a queue is killed. In a process of its own: what a victim had in its
/// hand waits there.
void kill_who_gets_connections() {
    std::minstd_rand random(5);
    for (int round = 0; round != 25; ++round) {
        mp::queue<numbers> q;
        auto [reports, reporters_end] = mp::pipe<int>(mp::one_way);
        auto victim = start(mp::process{get_connections, q, reporters_end});
        auto survivor = start(mp::process{get_connections, q, reporters_end});
        reporters_end.close();
        std::vector<numbers> mine;
        for (int i = 0; i != 20; ++i) {
            auto [here, there] = mp::pipe<std::uint64_t>();
            q.put(there);
            mine.push_back(std::move(here));
        }
        pause_at_random(random, 2000);
        victim.kill();
        victim.join();
        try {
            while (!q.empty()) {
                scarce::expect(reports.recv_for(hang_limit).has_value(), scarce::never_worked, "it hangs");
            }
            auto [here, there] = mp::pipe<std::uint64_t>();
            q.put(there); // when the survivor has answered this it has answered all
            scarce::expect(here.recv_for(hang_limit).has_value(), scarce::never_worked, "it hangs");
        } catch (const mp::queue_broken&) { // the victim was inside an operation
            continue;
        }
        const auto answered = std::ranges::count_if(mine, [](const auto& each) { return each.poll(); });
        scarce::expect(answered >= 19, scarce::wrong_value, std::to_string(answered) + " of 20 were got");
    }
    ::_exit(scarce::as_promised);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(connection, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_writer_killed_at_any_instant_leaves_whole_values_and_an_end) {
    std::minstd_rand random(1);
    for (int round = 0; round != 400; ++round) {
        auto [reader, writer] = mp::pipe<block>(mp::one_way);
        auto p = start(mp::process{write_blocks, writer, 0, 1});
        writer.close();
        std::uint64_t next = 0;
        const auto receive = [&] {
            const auto got = reader.recv_for(hang_limit);
            BOOST_TEST_REQUIRE((got && *got == block_of(next)), "round " << round << ", value " << next);
            ++next;
        };
        for (auto whole = random() % 20; whole != 0; --whole) {
            receive();
        }
        pause_at_random(random, 200);
        p.kill();
        BOOST_CHECK_THROW(
            for (;;) { receive(); }, mp::end_of_file);
        p.join();
    }
}

BOOST_AUTO_TEST_CASE(of_two_writers_the_one_that_is_not_killed_goes_on) {
    std::minstd_rand random(2);
    for (int round = 0; round != 30; ++round) {
        auto [reader, writer] = mp::pipe<block>(mp::one_way);
        auto victim = start(mp::process{write_blocks, writer, 0, 2});
        auto survivor = start(mp::process{write_blocks, writer, 1, 2});
        writer.close();
        std::array<std::uint64_t, 2> next{0, 1};
        const auto receive = [&] {
            const auto got = reader.recv_for(hang_limit);
            BOOST_TEST_REQUIRE(got.has_value());
            auto& expected = next.at(got->at(0) % 2);
            BOOST_TEST_REQUIRE((*got == block_of(expected)), "round " << round << ", value " << expected);
            expected += 2;
        };
        for (auto whole = 1 + random() % 20; whole != 0; --whole) {
            receive();
        }
        victim.kill();
        for (const auto before = next[1]; next[1] < before + 40;) {
            receive();
        }
        survivor.kill();
        BOOST_CHECK_THROW(
            for (;;) { receive(); }, mp::end_of_file);
    }
}

BOOST_AUTO_TEST_CASE(readers_killed_at_any_instant_take_one_value_each_with_them) {
    std::minstd_rand random(3);
    std::uint64_t lost = 0;
    for (int round = 0; round != 80; ++round) {
        const scratch_file file;
        const shared<ledger> book(file.path());
        auto [reader, writer] = mp::pipe<std::uint64_t>(mp::one_way);
        std::vector<mp::process> readers;
        for (int i = 0; i != 3; ++i) {
            readers.push_back(start(mp::process{read_numbers, reader, file.path()}));
        }
        reader.close();
        BOOST_TEST_REQUIRE(eventually([&] { return book->readers.load() == readers.size(); }));
        std::uint64_t sent = 0;
        for (std::size_t victim = 0; victim != 2; ++victim) {
            for (auto more = random() % 200; more != 0; --more) {
                BOOST_TEST_REQUIRE(writer.send_for(sent, hang_limit));
                ++sent;
            }
            readers[victim].kill();
        }
        BOOST_TEST_REQUIRE(writer.send_for(sent, hang_limit));
        ++sent;
        writer.close();
        BOOST_TEST_REQUIRE(readers[2].join_for(hang_limit));
        BOOST_TEST(readers[2].exit_code().value() == 0);
        std::uint64_t missing = 0;
        for (std::uint64_t n = 0; n != sent; ++n) {
            const auto times = book->got[n].load();
            BOOST_TEST_REQUIRE(times <= 1U,
                               "round " << round << ": " << n << " was received " << times << " times");
            missing += times == 0 ? 1 : 0;
        }
        BOOST_TEST_REQUIRE(missing <= 2U, "round " << round);
        lost += missing;
    }
    BOOST_TEST_MESSAGE(lost << " values were in the hands of 160 readers");
}

BOOST_AUTO_TEST_CASE(who_waits_learns_of_the_death_of_the_other_side) {
    auto [a, b] = mp::pipe<std::uint64_t>();
    auto reader = start(mp::process{stay_with<std::uint64_t>, b});
    b.close();
    std::thread killer([&] {
        while (a.try_send(0)) {
        }
        reader.kill();
    });
    BOOST_CHECK_THROW(
        for (;;) { a.send(0); }, mp::broken_pipe);
    killer.join();

    auto [c, d] = mp::pipe<std::uint64_t>();
    auto writer = start(mp::process{receive_one<std::uint64_t>, d});
    d.close();
    BOOST_TEST(c.recv() == 0U);
    std::thread other_killer([&] { writer.kill(); });
    BOOST_CHECK_THROW(c.recv(), mp::end_of_file);
    other_killer.join();
}

BOOST_AUTO_TEST_CASE(a_writer_killed_while_it_waits_for_room_disturbs_nobody) {
    auto [reader, writer] = mp::pipe<std::uint64_t>(mp::one_way);
    auto p = start(mp::process{send_until_full, writer});
    BOOST_TEST_REQUIRE(reader.poll(hang_limit)); // it has begun
    BOOST_TEST_REQUIRE(eventually([&] { return !writer.try_send(0) && look_at(p.pid()).state == 'S'; }));
    p.kill();
    p.join();
    while (const auto got = reader.try_recv()) {
        BOOST_TEST(*got == 0U);
    }
    writer.send(2);
    BOOST_TEST(reader.recv() == 2U);
}

// Connections that travel

BOOST_AUTO_TEST_CASE(receivers_of_connections_killed_at_any_instant_keep_none) {
    std::minstd_rand random(4);
    for (int round = 0; round != 100; ++round) {
        auto [to_taker, takers_end] = mp::pipe<numbers>();
        auto taker = start(mp::process{take_connections, takers_end});
        takers_end.close();
        std::vector<numbers> mine;
        for (auto more = 1 + random() % 20; more != 0; --more) {
            auto [here, there] = mp::pipe<std::uint64_t>();
            to_taker.send(there);
            mine.push_back(std::move(here));
        }
        pause_at_random(random, 2000);
        taker.kill();
        for (auto& each : mine) { // taken or not
            BOOST_CHECK_THROW(
                for (;;) { BOOST_TEST_REQUIRE(each.recv_for(hang_limit).has_value()); }, mp::end_of_file);
        }
    }
}

BOOST_AUTO_TEST_CASE(receivers_from_a_queue_killed_at_any_instant_leave_the_rest_to_others) {
    scarce::check(kill_who_gets_connections);
}

BOOST_AUTO_TEST_CASE(a_connection_in_a_queue_is_gone_with_its_sender) {
    mp::queue<numbers> q;
    auto [here, there] = mp::pipe<std::uint64_t>();
    start(mp::process{put_and_end, q, there}).join();
    there.close();
    BOOST_CHECK_THROW(here.recv(), mp::end_of_file);
    BOOST_CHECK_THROW(q.get(), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(the_connection_of_a_task_ends_with_its_worker) {
    mp::pool pool{1};
    auto [here, there] = mp::pipe<std::uint64_t>();
    auto task = pool.apply_async(stay_as_task, there);
    there.close();
    kill_process(static_cast<long>(here.recv()));
    BOOST_CHECK_THROW(here.recv(), mp::end_of_file);
    BOOST_CHECK_THROW(task.get(), mp::worker_died);
}

BOOST_AUTO_TEST_CASE(a_task_that_is_tried_again_has_its_connection_again) {
    mp::pool pool{1};
    auto [here, there] = mp::pipe<std::uint64_t>();
    auto task = pool.apply_async({.max_retries = 1}, stay_as_task, there);
    there.close();
    kill_process(static_cast<long>(here.recv()));
    kill_process(static_cast<long>(here.recv()));
    BOOST_CHECK_THROW(here.recv(), mp::end_of_file);
    BOOST_CHECK_THROW(task.get(), mp::worker_died);
}

// What did not come from a connection, and what there is no room for

BOOST_AUTO_TEST_CASE(packets_that_are_no_messages_are_refused) {
    std::minstd_rand random(6);
    for (int round = 0; round != 2000; ++round) {
        auto [a, b] = mp::pipe<std::string>();
        std::vector<std::uint32_t> packet(1 + random() % 8);
        for (auto& word : packet) {
            word = random() % 4 == 0 ? static_cast<std::uint32_t>(random())
                                     : static_cast<std::uint32_t>(random() % 3);
        }
        ::send(a.native_handle(), packet.data(), packet.size() * sizeof packet[0] - random() % 4, 0);
        try {
            const auto text = b.recv();
            BOOST_TEST(text.size() < sizeof packet[0] * packet.size());
        } catch (const mp::decode_failed&) {
        }
        a.send("next"); // which it does not spoil
        BOOST_TEST(b.recv() == "next");
    }
}

namespace {
void receive_without_descriptors() {
    auto [a, b] = mp::pipe<std::string>();
    const std::string large(300'000, 'x');
    a.send(large);
    a.send("small");
    const auto before = scarce::open_descriptors();
    scarce::allow(RLIMIT_NOFILE, 0);
    scarce::expect(!scarce::succeeds([&b = b] { (void)b.recv(); }, "large"), scarce::ran_all_the_same,
                   "large");
    scarce::expect(b.recv() == "small", scarce::wrong_value, "small");
    scarce::expect(!scarce::succeeds([&] { a.send(large); }, "send"), scarce::ran_all_the_same, "send");
    scarce::allow_all(RLIMIT_NOFILE);
    a.send(large);
    scarce::expect(b.recv() == large, scarce::wrong_value, "afterwards");
    scarce::expect_nothing_left(before, "afterwards");
    ::_exit(scarce::as_promised);
}
} // namespace

BOOST_AUTO_TEST_CASE(a_lack_of_descriptors_costs_the_large_message_that_meets_it) {
    scarce::check(receive_without_descriptors);
}

BOOST_AUTO_TEST_SUITE_END()
