// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "support/start_methods.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <optional>
#include <random>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// Queues with priorities, and queues that end with their writers.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

/// What takes as long as that will never happen.
constexpr auto hang = 60s;

using numbers = mp::queue<int>;
using writer = mp::queue_writer<int>;

numbers ending() {
    return numbers({.capacity = 100, .end_with_writers = true});
}

template <class T>
std::vector<T> all_of(mp::queue<T> q) {
    std::vector<T> got;
    while (auto value = q.try_get()) {
        got.push_back(*value);
    }
    return got;
}

void put_range(writer to, int first, int last) {
    for (int n = first; n != last; ++n) {
        to.put(n);
    }
}
int sum_of(numbers from) {
    int sum = 0;
    for (const int n : from) {
        sum += n;
    }
    return sum;
}
void put_sum(numbers from, numbers to) {
    to.put(sum_of(from));
}
void put_one_and_die(writer to) {
    to.put(1);
    std::raise(SIGKILL);
}
writer return_writer(numbers q) {
    return q.writer();
}
void put_more_urgent_ones(numbers to) {
    to.put(5, mp::priority{2});
    to.put(6, mp::priority{1});
    to.put(7, mp::priority{2});
}

void expect_not_ended(numbers q) {
    BOOST_TEST(!q.try_get().has_value());
}
void expect_ended(numbers q) {
    BOOST_CHECK_THROW(q.get(), mp::queue_closed);
    BOOST_CHECK_THROW(q.try_get(), mp::queue_closed);
    BOOST_CHECK_THROW(q.get_for(1h), mp::queue_closed);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_options, leaves_nothing_but_the_server)

// Priorities

BOOST_AUTO_TEST_CASE(more_urgent_values_come_first_and_among_equals_the_first_one) {
    numbers q({.priorities = 3});
    q.put(0);
    q.put(10, mp::priority{1});
    q.put(20, mp::priority{2});
    q.put(1);
    q.put(11, mp::priority{1});
    q.put(21, mp::priority{2});
    BOOST_TEST(q.size() == 6U);
    BOOST_TEST(all_of(q) == (std::vector{20, 21, 10, 11, 0, 1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(all_forms_of_put_take_a_priority) {
    numbers q({.capacity = 4, .priorities = 4});
    BOOST_TEST(q.put_for(1, 1h, mp::priority{1}));
    BOOST_TEST(q.put_until(2, std::chrono::system_clock::now() + 1h, mp::priority{2}));
    BOOST_TEST(q.try_put(3, mp::priority{3}));
    q.put(0);
    BOOST_TEST(!q.try_put(3, mp::priority{3})); // all values share the room
    BOOST_TEST(!q.put_for(3, 1ms, mp::priority{3}));
    std::stop_source stop;
    stop.request_stop();
    BOOST_TEST(!q.put(3, mp::priority{3}, stop.get_token()));
    BOOST_TEST(!q.put_for(3, 1h, mp::priority{3}, stop.get_token()));
    BOOST_TEST(all_of(q) == (std::vector{3, 2, 1, 0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_priority_that_the_queue_does_not_have_is_refused) {
    numbers plain(1);
    BOOST_CHECK_THROW(plain.put(1, mp::priority{1}), std::invalid_argument);
    plain.put(1, mp::priority{0});
    numbers q({.priorities = 3});
    BOOST_CHECK_THROW(q.put(1, mp::priority{3}), std::invalid_argument);
    BOOST_CHECK_THROW(q.try_put(1, mp::priority{-1}), std::invalid_argument);
    BOOST_CHECK_THROW(q.put_for(1, 1h, mp::priority{1 << 30}), std::invalid_argument);
    BOOST_TEST(q.empty());
    BOOST_CHECK_THROW(numbers({.priorities = 0}), std::invalid_argument);
    BOOST_CHECK_THROW(numbers({.priorities = mp::most_priorities + 1}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(large_values_keep_their_priority) {
    mp::queue<std::string> q({.priorities = 2});
    const std::string large(1 << 20, 'x');
    q.put("small");
    q.put(large);
    q.put("urgent", mp::priority{1});
    q.put(large + "!", mp::priority{1});
    BOOST_TEST(q.get() == "urgent");
    BOOST_TEST((q.get() == large + "!"));
    BOOST_TEST(q.get() == "small");
    BOOST_TEST((q.get() == large));
}

BOOST_AUTO_TEST_CASE(any_number_of_values_come_in_order) {
    constexpr std::size_t capacity = 7;
    using value = std::pair<int, int>; // its priority, its number
    mp::queue<value> q({.capacity = capacity, .priorities = mp::most_priorities});
    std::vector<value> expected; // the next one last
    std::minstd_rand random(1);
    for (int n = 0; n != 2'000; ++n) {
        if (expected.size() != capacity && random() % 2 == 0) {
            const value put(random() % mp::most_priorities, n);
            q.put(put, mp::priority{put.first});
            const auto later = [&](const value& other) { return other.first < put.first; };
            expected.insert(std::ranges::find_if_not(expected, later), put);
        } else if (!expected.empty()) {
            BOOST_TEST_REQUIRE((q.get() == expected.back()));
            expected.pop_back();
        }
        BOOST_TEST_REQUIRE(q.size() == expected.size());
    }
}

BOOST_AUTO_TEST_CASE(other_processes_put_by_priority_too) {
    mp::joinable_queue<int> q({.priorities = 3});
    q.put(1);
    mp::process p{put_more_urgent_ones, q};
    p.start();
    p.join();
    BOOST_TEST(all_of(numbers(q)) == (std::vector{5, 7, 6, 1}), boost::test_tools::per_element());
    for (int i = 0; i != 4; ++i) {
        BOOST_TEST(!q.join_for(0s));
        q.task_done();
    }
    q.join();
}

// Writers

BOOST_AUTO_TEST_CASE(ends_with_its_last_writer_and_drained) {
    auto q = ending();
    expect_not_ended(q); // there has been none
    auto first = q.writer();
    auto second = q.writer();
    expect_not_ended(q);
    first.put(1);
    first.close();
    BOOST_TEST(first.closed());
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(!q.get_for(1ms).has_value());
    BOOST_TEST(second.try_put(2));
    BOOST_TEST(second.put_for(3, 1h, std::stop_token()));
    BOOST_TEST(second.put_until(4, std::chrono::system_clock::now() + 1h));
    second = {};
    BOOST_TEST(sum_of(q) == 9);
    expect_ended(q);
    BOOST_CHECK_THROW((void)q.writer(), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(copies_are_one_writer) {
    auto q = ending();
    std::optional<writer> first = q.writer();
    auto second = *first;
    first.reset();
    expect_not_ended(q);
    const auto third = std::move(second);
    BOOST_TEST(second.closed());
    second.close();
    expect_not_ended(q);
    second = third;
    second.put(1);
    BOOST_TEST(q.get() == 1);
}

BOOST_AUTO_TEST_CASE(a_further_writer_can_be_made_until_a_reader_has_seen_the_end) {
    auto q = ending();
    q.writer().put(1);
    q.writer().put(2); // nobody has looked
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.get() == 2);
    auto last = q.writer();
    expect_not_ended(q);
    last.close();
    expect_ended(q);
}

BOOST_AUTO_TEST_CASE(only_writers_put_and_only_where_that_was_wanted) {
    auto q = ending();
    BOOST_CHECK_THROW(q.put(1), std::logic_error);
    BOOST_CHECK_THROW(q.try_put(1), std::logic_error);
    BOOST_TEST(q.empty());
    BOOST_CHECK_THROW((void)numbers(1).writer(), std::logic_error);
    writer closed;
    BOOST_CHECK_THROW(closed.put(1), std::logic_error);
    BOOST_CHECK_THROW((void)mp::encode(closed), std::logic_error);
}

BOOST_AUTO_TEST_CASE(close_ends_it_for_writers_as_well) {
    auto q = ending();
    auto one = q.writer();
    one.put(1);
    q.close();
    BOOST_CHECK_THROW(one.put(2), mp::queue_closed);
    BOOST_CHECK_THROW((void)q.writer(), mp::queue_closed);
    BOOST_TEST(q.get() == 1);
    expect_ended(q);
}

BOOST_AUTO_TEST_CASE(writers_take_priorities) {
    numbers q({.priorities = 2, .end_with_writers = true});
    auto one = q.writer();
    one.put(1);
    one.put(2, mp::priority{1});
    BOOST_CHECK_THROW(one.put(3, mp::priority{2}), std::invalid_argument);
    BOOST_TEST(q.get() == 2);
    BOOST_TEST(q.get() == 1);
}

BOOST_AUTO_TEST_CASE(readers_that_wait_are_told) {
    auto q = ending();
    auto one = q.writer();
    std::vector<std::thread> readers;
    std::atomic<int> sum{0};
    for (int i = 0; i != 3; ++i) {
        readers.emplace_back([&] { sum += sum_of(q); });
    }
    std::vector<std::thread> writers;
    for (int i = 0; i != 2; ++i) {
        writers.emplace_back([one, i] { put_range(one, i * 500, (i + 1) * 500); });
    }
    one.close();
    for (auto* group : {&writers, &readers}) {
        for (auto& each : *group) {
            each.join();
        }
    }
    BOOST_TEST(sum == 999 * 1000 / 2);
}

BOOST_DATA_TEST_CASE(ends_when_the_processes_that_write_have_ended, each_start_method, method) {
    const by_default now(method);
    auto q = ending();
    numbers sums(1);
    mp::process reader{put_sum, q, sums};
    mp::process low{put_range, q.writer(), 0, 500};
    mp::process high{put_range, q.writer(), 500, 1000};
    mp::process killed{put_one_and_die, q.writer()};
    for (auto* p : {&reader, &low, &high, &killed}) { // none gets what the others are to be given
        p->start();
    }
    BOOST_TEST(sums.get_for(hang).value() == 999 * 1000 / 2 + 1);
    expect_ended(q);
    for (auto* p : {&reader, &low, &high, &killed}) {
        p->join();
    }
}

BOOST_DATA_TEST_CASE(ends_when_the_tasks_that_write_have_ended, each_start_method, method) {
    const by_default now(method);
    mp::pool pool(2);
    auto q = ending();
    auto whole = pool.apply_async(put_range, q.writer(), 0, 1000);
    auto killed = pool.apply_async(put_one_and_die, q.writer());
    BOOST_TEST(sum_of(q) == 999 * 1000 / 2 + 1);
    whole.get();
    BOOST_CHECK_THROW(killed.get(), mp::worker_died);
}

BOOST_DATA_TEST_CASE(a_reader_does_not_keep_writers_that_are_for_others, each_start_method, method) {
    const by_default now(method);
    auto q = ending();
    numbers sums(1);
    mp::queue<writer> writers(2);
    writers.put(q.writer());
    mp::process reader{put_sum, q, sums};
    reader.start();
    writers.get().put(1); // and is closed
    BOOST_TEST(sums.get_for(hang).value() == 1);
    reader.join();
}

BOOST_AUTO_TEST_CASE(a_process_that_is_never_started_writes_no_longer_than_it_exists) {
    auto q = ending();
    {
        const mp::process p{put_range, q.writer(), 0, 1};
        expect_not_ended(q);
    }
    expect_ended(q);
}

BOOST_AUTO_TEST_CASE(a_writer_counts_while_it_is_on_its_way) {
    auto q = ending();
    auto [a, b] = mp::pipe<writer>();
    a.send(q.writer());
    expect_not_ended(q);
    b.recv().put(1);
    BOOST_TEST(q.get() == 1);
    expect_ended(q);

    q = ending();
    a.send(q.writer());
    b.close(); // nobody receives it
    expect_ended(q);

    q = ending();
    mp::pool pool(1);
    auto made = pool.apply_async(return_writer, q);
    made.wait();
    expect_not_ended(q);
    made.get().put(2);
    BOOST_TEST(q.get() == 2);
    expect_ended(q);
}

BOOST_AUTO_TEST_CASE(a_copy_of_this_process_has_its_writers) {
    auto q = ending();
    auto one = q.writer();
    auto [gate, key] = mp::pipe<int>(mp::one_way);
    const auto copy = ::fork();
    if (copy == 0) {
        key.close();
        (void)gate.poll(hang);
        ::_exit(0);
    }
    one.close();
    expect_not_ended(q);
    key.close();
    ::waitpid(copy, nullptr, 0);
    expect_ended(q);
}

BOOST_AUTO_TEST_CASE(a_joinable_queue_ends_with_its_writers_too) {
    mp::joinable_queue<int> q({.end_with_writers = true});
    put_range(q.writer(), 0, 10);
    for ([[maybe_unused]] const int n : q) {
        q.task_done();
    }
    q.join();
}

BOOST_AUTO_TEST_SUITE_END()
