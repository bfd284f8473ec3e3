// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Readers and writers of a queue are killed, and its maker is. The others go on; what was beside the queue
// goes with its last user.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <random>

using namespace fault;

namespace {

using numbers = mp::queue<std::uint64_t>;
using blobs = mp::queue<std::vector<char>>;

template <class Use>
void use_until_closed(const Use& once) {
    try {
        for (;;) {
            once();
        }
    } catch (const mp::queue_closed&) {
    }
}

void read_blobs(blobs queue) {
    use_until_closed([&] { queue.get(); });
}
void write_blobs(blobs queue) {
    use_until_closed([&] { queue.put(std::vector<char>(300'000, 'x')); });
}
void wait_for_a_value(numbers queue, const std::string& path) {
    std::ofstream(path).put('x');
    queue.get();
}
void wait_for_room(numbers queue, const std::string& path) {
    std::ofstream(path).put('x');
    queue.put(0);
}

mp::process start(mp::process process) {
    process.start();
    return process;
}

/// Whether a process waits in the kernel and not elsewhere.
bool sleeps(long pid) {
    return look_at(pid).state == 'S';
}

/// Lets readers and writers run, kills one, and sees to it that the others end in an orderly way.
void kill_one(std::vector<mp::process>& users, std::minstd_rand& random, const std::string& context,
              blobs& queue) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 20'000);
    while (std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
    }
    const auto victim = random() % users.size();
    users[victim].kill();
    users[victim].join();
    queue.close();
    for (std::size_t i = 0; i != users.size(); ++i) {
        BOOST_TEST_REQUIRE(users[i].join_for(hang_limit), context << ": a user hangs, number " << i);
        BOOST_TEST((i == victim || users[i].exit_code() == 0), context << ": user " << i);
    }
}

void put_a_large_value_later(blobs queue, mp::queue<int> opened, mp::queue<int> maker_left) {
    opened.put(1);
    (void)maker_left.get();
    queue.put(std::vector<char>(larger_than_kept()));
    opened.put(1);
}

/// Exits with 0 if the names of a queue that this process has left go when the other process leaves it.
void make_a_queue_and_leave_it() {
    mp::queue<int> opened(1);
    mp::queue<int> maker_left(1);
    const auto names_of_the_two = names_of(::getpid()).size();
    {
        blobs queue(4);
        mp::process writer(put_a_large_value_later, queue, opened, maker_left);
        writer.start();
        (void)opened.get();
        writer.detach(); // a process object keeps what its arguments refer to
    }
    if (names_of(::getpid()).size() != names_of_the_two) {
        std::exit(1);
    }
    maker_left.put(1);
    (void)opened.get(); // now it is put
    std::exit(eventually([&] { return names_of(::getpid()).size() == names_of_the_two; }) ? 0 : 2);
}

/// Makes a queue, gives it away, and stays with a child that will notice its end.
void make_a_queue_for_others(mp::queue<blobs> others) {
    const blobs made(4);
    others.put(made);
    mp::process child(stay);
    child.start();
    stay();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_death, leaves_nothing)

BOOST_AUTO_TEST_CASE(readers_killed_while_they_wait_disturb_nobody) {
    numbers queue(10);
    for (int round = 0; round != 30; ++round) {
        const scratch_file begun;
        auto reader = start(mp::process(wait_for_a_value, queue, begun.path()));
        BOOST_TEST_REQUIRE(eventually([&] { return begun.exists() && sleeps(reader.pid()); }));
        reader.kill();
        reader.join();
        for (std::uint64_t i = 0; i != 10; ++i) {
            BOOST_TEST_REQUIRE(queue.put_for(i, hang_limit));
        }
        for (std::uint64_t i = 0; i != 10; ++i) {
            const auto got = queue.get_for(hang_limit);
            BOOST_TEST_REQUIRE(got.has_value());
            BOOST_TEST(*got == i);
        }
    }
}

BOOST_AUTO_TEST_CASE(writers_killed_while_they_wait_disturb_nobody) {
    numbers queue(2);
    for (int round = 0; round != 30; ++round) {
        queue.put(1);
        queue.put(2);
        const scratch_file begun;
        auto writer = start(mp::process(wait_for_room, queue, begun.path()));
        BOOST_TEST_REQUIRE(eventually([&] { return begun.exists() && sleeps(writer.pid()); }));
        writer.kill();
        writer.join();
        BOOST_TEST(queue.get_for(hang_limit).value() == 1U);
        BOOST_TEST(queue.get_for(hang_limit).value() == 2U);
        BOOST_TEST(queue.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_waiting_reader_gets_its_value_though_others_were_killed_beside_it) {
    const scratch_file first_begun;
    const scratch_file second_begun;
    numbers queue(10);
    auto killed = start(mp::process(wait_for_a_value, queue, first_begun.path()));
    auto spared = start(mp::process(wait_for_a_value, queue, second_begun.path()));
    BOOST_TEST_REQUIRE(eventually([&] {
        return first_begun.exists() && second_begun.exists() && sleeps(killed.pid()) && sleeps(spared.pid());
    }));
    killed.kill();
    queue.put(1); // the wake may go to the dead
    BOOST_TEST(spared.join_for(hang_limit));
}

BOOST_AUTO_TEST_CASE(users_of_large_values_killed_at_any_instant_leave_no_names_behind) {
    constexpr unsigned seed = 2;
    std::minstd_rand random(seed);
    for (int round = 0; round != 50; ++round) {
        const auto context = "seed " + std::to_string(seed) + ", round " + std::to_string(round);
        {
            blobs queue(8);
            std::vector<mp::process> users;
            users.push_back(start(mp::process(read_blobs, queue)));
            users.push_back(start(mp::process(write_blobs, queue)));
            users.push_back(start(mp::process(write_blobs, queue)));
            kill_one(users, random, context, queue);
        }
        BOOST_TEST(names_of(::getpid()).empty(), context);
    }
}

BOOST_AUTO_TEST_CASE(large_values_that_nobody_has_got_leave_with_their_queue) {
    {
        blobs queue(4);
        queue.put(std::vector<char>(1 << 20));
        queue.put(std::vector<char>(larger_than_kept()));
        BOOST_TEST(!names_of(::getpid()).empty());
    }
    BOOST_TEST(names_of(::getpid()).empty());
}

BOOST_AUTO_TEST_CASE(a_queue_in_use_outlives_its_maker_with_its_large_values) {
    const std::vector<char> large(larger_than_kept(), 'x');
    mp::queue<blobs> given(1);
    auto maker = start(mp::process(make_a_queue_for_others, given));
    const auto pid = maker.pid();
    {
        auto queue = given.get();
        queue.put(large);
        std::vector<identity> family;
        BOOST_TEST_REQUIRE(eventually([&] { return (family = descendants_of(pid)).size() == 1; }));
        maker.kill();
        maker.join();
        // As it ends it removes what belongs to nobody alive.
        BOOST_TEST_REQUIRE(eventually([&] { return !family.front().runs(); }));
        BOOST_TEST(queue.get_for(hang_limit).value() == large);
        queue.put(large);
        BOOST_TEST(queue.get_for(hang_limit).value() == large);
        queue.put(large);
    }
    BOOST_TEST(names_of(pid).empty());
}

BOOST_AUTO_TEST_CASE(large_values_put_when_the_maker_has_left_the_queue_leave_with_the_last_user) {
    auto maker = start(mp::process(make_a_queue_and_leave_it));
    BOOST_TEST_REQUIRE(maker.join_for(hang_limit));
    BOOST_TEST(maker.exit_code().value() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
