// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/connection.hpp>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/wait.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Pipes: what goes through them, how they end, how their ends travel, and waiting for several things at once.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using texts = mp::connection<std::string>;
using numbers = mp::connection<int>;
using indices = std::vector<std::size_t>;

/// Answers each value until the other side is gone.
template <class T>
void echo(mp::connection<T> with) {
    try {
        for (;;) {
            with.send(with.recv());
        }
    } catch (const mp::end_of_file&) {
    }
}

template <class T>
mp::process start_echo(const mp::connection<T>& end) {
    mp::process p{echo<T>, end};
    p.start();
    return p;
}

bool ended_well(mp::process& p) {
    p.join();
    return p.exit_code() == 0;
}

void end_at_once() {}

void send_numbers(numbers to, int first, int last) {
    for (int n = first; n != last; ++n) {
        to.send(n);
    }
}
int sum_until_end(numbers from) {
    int sum = 0;
    try {
        for (;;) {
            sum += from.recv();
        }
    } catch (const mp::end_of_file&) {
    }
    return sum;
}
void send_sum(numbers from, numbers to) {
    to.send(sum_until_end(std::move(from)));
}
int answer(numbers with, int n) {
    with.send(n);
    return with.recv();
}
numbers make_half_of_a_pipe(numbers other_half_to_be_answered) {
    auto [mine, yours] = mp::pipe<int>();
    mine.send(other_half_to_be_answered.recv());
    return std::move(yours);
}
void put_one(mp::queue<numbers> to) {
    auto [mine, yours] = mp::pipe<int>();
    to.put(yours);
    yours.close();
    mine.send(mine.recv() + 1); // by when it has been received
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(connection, leaves_nothing)

BOOST_AUTO_TEST_CASE(values_go_both_ways_in_order) {
    auto [a, b] = mp::pipe<std::string>();
    a.send("one");
    a.send("two");
    b.send("back");
    BOOST_TEST(b.recv() == "one");
    BOOST_TEST(b.recv() == "two");
    BOOST_TEST(a.recv() == "back");
    BOOST_TEST((a.readable() && a.writable()));
}

BOOST_AUTO_TEST_CASE(values_of_any_size_go_to_a_process_and_back) {
    auto [mine, yours] = mp::pipe<std::string>();
    auto p = start_echo(yours);
    yours.close();
    const std::size_t edge = mp::detail::largest_in_packet - sizeof(std::uint64_t);
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, edge, edge + 1, std::size_t{1} << 20,
                                   (std::size_t{8} << 20) + 1}) {
        const std::string text(size, 'x');
        mine.send(text);
        BOOST_TEST((mine.recv() == text), "of size " << size);
    }
    mine.close();
    BOOST_TEST(ended_well(p));
}

BOOST_AUTO_TEST_CASE(what_any_queue_carries_can_be_sent) {
    auto [a, b] = mp::pipe<std::map<std::string, std::optional<std::vector<double>>>>();
    const std::map<std::string, std::optional<std::vector<double>>> value{{"x", {}}, {"y", {{1.5, 2.5}}}};
    a.send(value);
    BOOST_TEST((b.recv() == value));
}

BOOST_AUTO_TEST_CASE(bytes_are_sent_as_they_are) {
    auto [a, b] = mp::pipe<int>();
    for (const std::size_t size : {0, 1, 100'000}) {
        const std::vector<std::byte> message(size, std::byte{7});
        a.send_bytes(message);
        BOOST_TEST((b.recv_bytes() == message));
    }
    a.send_bytes({});
    BOOST_CHECK_THROW(b.recv(), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(one_way_has_a_reader_and_a_writer) {
    auto [reader, writer] = mp::pipe<int>(mp::one_way);
    writer.send(3);
    BOOST_TEST(reader.recv() == 3);
    BOOST_TEST((reader.readable() && !reader.writable()));
    BOOST_TEST((!writer.readable() && writer.writable()));
    BOOST_CHECK_THROW(reader.send(1), std::logic_error);
    BOOST_CHECK_THROW(writer.recv(), std::logic_error);
    BOOST_CHECK_THROW((void)writer.poll(), std::logic_error);
    writer.send(4);
    writer.close();
    BOOST_TEST(reader.recv() == 4);
    BOOST_CHECK_THROW(reader.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(who_has_closed_cannot_be_sent_to_and_what_it_had_sent_arrives) {
    auto [a, b] = mp::pipe<int>();
    b.send(1);
    a.send(9); // never received
    b.close();
    BOOST_CHECK_THROW(a.send(2), mp::broken_pipe);
    BOOST_TEST(a.recv() == 1);
    BOOST_CHECK_THROW(a.recv(), mp::end_of_file);
    BOOST_CHECK_THROW((void)a.try_recv(), mp::end_of_file);
    BOOST_CHECK_THROW((void)a.try_send(2), mp::broken_pipe);
}

BOOST_AUTO_TEST_CASE(what_was_sent_arrives_although_nothing_was_sent_back) {
    auto [a, b] = mp::pipe<int>();
    a.send(9); // never received, which is told to whoever receives first
    b.send(1);
    b.send(2);
    b.close();
    BOOST_TEST(a.recv() == 1);
    BOOST_TEST(a.recv() == 2);
    BOOST_CHECK_THROW(a.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(a_closed_connection_does_nothing) {
    auto [a, b] = mp::pipe<int>();
    const auto moved = std::move(a);
    BOOST_TEST((a.closed() && !moved.closed() && !a.readable()));
    a.close();
    b.close();
    BOOST_CHECK_THROW(a.send(1), std::logic_error);
    BOOST_CHECK_THROW(b.recv(), std::logic_error);
    BOOST_CHECK_THROW((void)b.native_handle(), std::logic_error);
    BOOST_TEST(mp::connection<int>().closed());
}

BOOST_AUTO_TEST_CASE(waiting_has_an_end) {
    auto [a, b] = mp::pipe<std::vector<char>>();
    BOOST_TEST(!b.try_recv().has_value());
    BOOST_TEST(!b.recv_for(1ms).has_value());
    BOOST_TEST(!b.recv_until(std::chrono::system_clock::now() + 1ms).has_value());
    BOOST_TEST(!b.poll());
    BOOST_TEST(!b.poll(1ms));
    const std::vector<char> value(20'000, 'x');
    int sent = 0;
    while (a.try_send(value)) {
        ++sent;
    }
    BOOST_TEST(sent > 1);
    BOOST_TEST(!a.send_for(value, 1ms));
    BOOST_TEST(!a.send_until(value, std::chrono::steady_clock::now() + 1ms));
    BOOST_TEST(b.poll());
    for (int i = 0; i != sent; ++i) { // and nothing else
        BOOST_TEST((b.try_recv() == value));
    }
    BOOST_TEST(!b.try_recv().has_value());
    BOOST_TEST(a.send_for(value, 10s));
    BOOST_TEST(b.recv_for(10s).has_value());
    a.close();
    BOOST_TEST(b.poll(10s)); // the end of the file
}

BOOST_AUTO_TEST_CASE(who_waits_is_woken) {
    auto [a, b] = mp::pipe<int>();
    std::thread sender([&to = a] {
        std::this_thread::sleep_for(20ms); // so that mostly the other waits
        to.send(1);
        std::this_thread::sleep_for(20ms);
        to.close();
    });
    BOOST_TEST(b.recv() == 1);
    BOOST_CHECK_THROW(b.recv(), mp::end_of_file);
    sender.join();
}

BOOST_AUTO_TEST_CASE(several_writers_and_readers_share_an_end) {
    auto [reader, writer] = mp::pipe<int>(mp::one_way);
    auto [sums, answers] = mp::pipe<int>(mp::one_way);
    std::vector<mp::process> all;
    for (int i = 0; i != 2; ++i) {
        all.emplace_back(send_sum, reader, answers);
        all.back().start();
        all.emplace_back(send_numbers, writer, i * 500, (i + 1) * 500);
        all.back().start();
    }
    for (auto* end : {&reader, &writer, &answers}) {
        end->close();
    }
    BOOST_TEST(sums.recv() + sums.recv() == 999 * 1000 / 2);
    BOOST_CHECK_THROW(sums.recv(), mp::end_of_file);
    for (auto& p : all) {
        BOOST_TEST(ended_well(p));
    }
}

// Travelling

BOOST_AUTO_TEST_CASE(sending_an_end_through_a_connection_duplicates_it) {
    auto [a, b] = mp::pipe<std::pair<std::string, std::vector<numbers>>>();
    auto [c, d] = mp::pipe<int>();
    {
        std::vector<numbers> ends;
        ends.push_back(std::move(d));
        auto [e, f] = mp::pipe<int>(mp::one_way);
        ends.push_back(std::move(f));
        a.send({std::string(100'000, 'x'), std::move(ends)}); // the text in memory of its own
        auto received = b.recv().second;
        received.at(0).send(1);
        received.at(1).send(2);
        BOOST_TEST(c.recv() == 1);
        BOOST_TEST(e.recv() == 2);
        BOOST_TEST(!received.at(1).readable());
    }
    BOOST_CHECK_THROW(c.recv(), mp::end_of_file); // nobody has kept any
}

BOOST_AUTO_TEST_CASE(ends_on_their_way_go_with_a_connection_that_nobody_reads) {
    auto [a, b] = mp::pipe<numbers>();
    auto [c, d] = mp::pipe<int>();
    a.send(d);
    d.close();
    BOOST_TEST(!c.poll());
    b.close();
    BOOST_CHECK_THROW(c.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(more_than_the_system_passes_on_at_once_are_refused) {
    auto [a, b] = mp::pipe<std::vector<numbers>>();
    std::vector<numbers> ends;
    while (ends.size() != 254) {
        auto [c, d] = mp::pipe<int>();
        ends.push_back(std::move(c));
        ends.push_back(std::move(d));
    }
    BOOST_CHECK_THROW(a.send(ends), mp::not_encodable);
    ends.resize(252);
    a.send(ends);
    BOOST_TEST(b.recv().size() == 252U);
}

BOOST_AUTO_TEST_CASE(a_process_has_its_argument_when_the_original_is_closed_before_the_start) {
    auto [mine, yours] = mp::pipe<int>();
    mp::process p{echo<int>, yours};
    yours.close();
    p.start();
    mine.send(5);
    BOOST_TEST(mine.recv() == 5);
    p.kill();
    BOOST_CHECK_THROW(mine.recv(), mp::end_of_file); // the parent has kept nothing
}

BOOST_AUTO_TEST_CASE(a_process_that_is_never_started_keeps_its_arguments_no_longer_than_itself) {
    auto [mine, yours] = mp::pipe<int>();
    {
        const mp::process p{echo<int>, yours};
        yours.close();
        BOOST_TEST(!mine.poll());
    }
    BOOST_TEST(mine.poll());
}

BOOST_AUTO_TEST_CASE(tasks_take_connections) {
    mp::pool pool{2};
    auto [mine, yours] = mp::pipe<int>();
    auto task = pool.apply_async(answer, yours, 5);
    yours.close();
    mine.send(mine.recv() + 1);
    BOOST_TEST(task.get() == 6);
    BOOST_CHECK_THROW(mine.recv(), mp::end_of_file);

    auto [reader, writer] = mp::pipe<int>(mp::one_way);
    auto sum = pool.apply_async(sum_until_end, reader);
    send_numbers(std::move(writer), 0, 100);
    BOOST_TEST(sum.get() == 4950);
}

BOOST_AUTO_TEST_CASE(an_initializer_gives_a_connection_to_each_worker) {
    auto [mine, yours] = mp::pipe<int>();
    {
        mp::pool pool{3};
        pool.initializer(send_numbers, yours, 7, 8);
        yours.close();
        for (int i = 0; i != 3; ++i) {
            BOOST_TEST(mine.recv() == 7);
        }
        BOOST_TEST(!mine.poll()); // a new worker would need it
    }
    BOOST_CHECK_THROW(mine.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(tasks_return_connections) {
    mp::pool pool{1};
    auto [mine, yours] = mp::pipe<int>();
    auto task = pool.apply_async(make_half_of_a_pipe, yours);
    mine.send(8);
    auto half = task.get();
    BOOST_TEST(half.recv() == 8);
    BOOST_CHECK_THROW(half.recv(), mp::end_of_file);
}

BOOST_AUTO_TEST_CASE(queues_carry_connections) {
    mp::queue<numbers> q;
    auto [mine, yours] = mp::pipe<int>();
    q.put(yours);
    q.put(yours);
    yours.close();
    q.get().send(1); // and is closed
    q.get().send(2);
    BOOST_TEST(mine.recv() == 1);
    BOOST_TEST(mine.recv() == 2);
    BOOST_CHECK_THROW(mine.recv(), mp::end_of_file);

    mp::process p{put_one, q};
    p.start();
    auto received = q.get();
    received.send(5);
    BOOST_TEST(received.recv() == 6);
    BOOST_TEST(ended_well(p));
}

BOOST_AUTO_TEST_CASE(a_detached_child_takes_its_connections_with_it) {
    auto [mine, yours] = mp::pipe<int>();
    mp::process p{echo<int>, yours};
    yours.close();
    p.start();
    const auto pid = p.pid();
    p.detach();
    BOOST_CHECK_THROW(p.start(), std::logic_error);
    mine.send(1);
    BOOST_TEST(mine.recv() == 1);
    mine.close();
    while (::kill(static_cast<pid_t>(pid), 0) == 0) { // until it has ended, and is reaped by the next start
        std::this_thread::sleep_for(1ms);
        mp::process next{end_at_once};
        next.start();
        next.join();
    }
}

// Waiting for several

BOOST_AUTO_TEST_CASE(wait_tells_which_are_ready) {
    auto [a, b] = mp::pipe<int>();
    auto [c, d] = mp::pipe<int>();
    BOOST_TEST(mp::wait_for({a, c}, 1ms).empty());
    b.send(1);
    BOOST_TEST(mp::wait({a, c}) == indices{0}, boost::test_tools::per_element());
    d.close();
    BOOST_TEST((mp::wait({a, c, b}) == indices{0, 1}));
    const std::vector<mp::waitable> both{c, a};
    BOOST_TEST((mp::wait(both) == indices{0, 1}));
    BOOST_TEST((mp::wait_until(both, std::chrono::steady_clock::now()) == indices{0, 1}));
}

BOOST_AUTO_TEST_CASE(wait_is_for_connections_processes_and_futures) {
    mp::pool pool{1};
    auto [mine, yours] = mp::pipe<int>();
    auto p = start_echo(yours);
    yours.close();
    auto [to_task, tasks_end] = mp::pipe<int>();
    auto task = pool.apply_async(answer, tasks_end, 5);
    tasks_end.close();
    BOOST_TEST(to_task.recv() == 5);
    BOOST_TEST(mp::wait_for({mine, p, task}, 1ms).empty());
    to_task.send(6);
    BOOST_TEST((mp::wait({mine, p, task}) == indices{2}));
    BOOST_TEST(task.get() == 6);
    mine.send(1);
    BOOST_TEST((mp::wait({mine, p}) == indices{0}));
    BOOST_TEST(mine.recv() == 1);
    p.kill();
    BOOST_TEST((mp::wait({p, p}) == indices{0, 1}));
    BOOST_TEST((mp::wait({mine}) == indices{0}));
    p.join();
    BOOST_TEST((mp::wait({p}) == indices{0}));
}

BOOST_AUTO_TEST_CASE(a_future_that_was_waited_for_in_vain_is_as_before) {
    mp::pool pool{1};
    auto [mine, yours] = mp::pipe<int>();
    auto task = pool.apply_async(answer, yours, 5);
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(mp::wait_for({task}, 0ms).empty());
    }
    mine.send(mine.recv());
    BOOST_TEST((mp::wait({task, task}) == indices{0, 1}));
    BOOST_TEST((mp::wait_for({task}, 0ms) == indices{0}));
    BOOST_TEST(task.get() == 5);
}

BOOST_AUTO_TEST_CASE(wait_refuses_what_never_gets_ready) {
    const mp::process never_started{end_at_once};
    BOOST_CHECK_THROW(mp::wait(std::vector<mp::waitable>{}), std::invalid_argument);
    BOOST_CHECK_THROW(mp::wait({never_started}), std::logic_error);
    BOOST_CHECK_THROW(mp::wait({mp::future<int>()}), std::logic_error);
    BOOST_CHECK_THROW(mp::wait({numbers()}), std::logic_error);
}

BOOST_AUTO_TEST_SUITE_END()
