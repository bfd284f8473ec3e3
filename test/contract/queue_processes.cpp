// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/queue.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

// Processes and workers that share a queue, and queues that travel between them.

namespace mp = multiprocessing;

namespace {

void put_range(mp::queue<int> to, int first, int last) {
    for (int n = first; n != last; ++n) {
        to.put(n);
    }
}
/// Answers each value, until the queue is closed.
void echo_all(mp::queue<std::string> from, mp::queue<std::string> to) {
    for (const auto& text : from) {
        to.put(text);
    }
}
void sum_all(mp::queue<int> from, mp::queue<long> to) {
    long sum = 0;
    for (const int n : from) {
        sum += n;
    }
    to.put(sum);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_processes, leaves_nothing)

BOOST_AUTO_TEST_CASE(carries_values_there_and_back) {
    mp::queue<std::string> there(2);
    mp::queue<std::string> back(2);
    mp::process p{echo_all, there, back};
    p.start();
    for (const std::size_t size : {0, 1, 500, 504, 505, 512, 4096, 1 << 20}) {
        const std::string text(size, 'x');
        there.put(text);
        BOOST_TEST((back.get() == text), "of size " << size);
    }
    there.close();
    p.join();
}

BOOST_AUTO_TEST_CASE(a_capacity_of_one_is_enough_for_many_values) {
    mp::queue<int> q(1);
    mp::process p{put_range, q, 0, 1000};
    p.start();
    for (int n = 0; n != 1000; ++n) {
        BOOST_TEST_REQUIRE(q.get() == n);
    }
    p.join();
}

BOOST_AUTO_TEST_CASE(values_of_each_of_several_writers_keep_their_order) {
    mp::queue<int> q(8);
    std::vector<mp::process> writers;
    for (int i = 0; i != 4; ++i) {
        writers.emplace_back(put_range, q, i * 1000, i * 1000 + 500);
        writers.back().start();
    }
    std::map<int, std::vector<int>> got;
    for (int i = 0; i != 4 * 500; ++i) {
        const int n = q.get();
        got[n / 1000].push_back(n);
    }
    BOOST_TEST(got.size() == 4U);
    for (const auto& [writer, values] : got) {
        BOOST_TEST(values.size() == 500U);
        BOOST_TEST(std::ranges::is_sorted(values));
    }
    for (auto& writer : writers) {
        writer.join();
    }
    BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE(several_readers_share_the_values) {
    mp::queue<int> numbers(4);
    mp::queue<long> sums(4);
    std::vector<mp::process> readers;
    for (int i = 0; i != 3; ++i) {
        readers.emplace_back(sum_all, numbers, sums);
        readers.back().start();
    }
    put_range(numbers, 0, 1000);
    numbers.close();
    long sum = 0;
    for (auto& reader : readers) {
        reader.join();
        sum += sums.get();
    }
    BOOST_TEST(sum == 999 * 1000 / 2);
}

BOOST_AUTO_TEST_CASE(close_is_seen_in_other_processes) {
    mp::queue<int> numbers(1);
    mp::queue<long> sums(1);
    mp::process p{sum_all, numbers, sums};
    p.start();
    put_range(numbers, 0, 10);
    numbers.close();
    p.join();
    BOOST_TEST(sums.get() == 45);
}

BOOST_AUTO_TEST_CASE(writers_and_readers_in_threads_and_processes_lose_nothing) {
    mp::queue<int> numbers(2);
    mp::queue<long> sums(4);
    mp::process writer{put_range, numbers, 0, 500};
    mp::process reader{sum_all, numbers, sums};
    writer.start();
    reader.start();
    std::thread here([&] { put_range(numbers, 500, 1000); });
    std::thread too([&] { sum_all(numbers, sums); });
    writer.join();
    here.join();
    numbers.close();
    reader.join();
    too.join();
    BOOST_TEST(sums.get() + sums.get() == 999 * 1000 / 2);
}

BOOST_AUTO_TEST_CASE(what_a_process_put_is_there_after_its_end) {
    mp::queue<std::string> q(2);
    mp::process p{[](mp::queue<std::string> to) {
                      to.put("small");
                      to.put(std::string(1'000'000, 'x'));
                  },
                  q};
    p.start();
    p.join();
    BOOST_TEST(q.get() == "small");
    BOOST_TEST(q.get().size() == 1'000'000U);
}

BOOST_AUTO_TEST_CASE(a_queue_made_in_a_child_ends_with_it) {
    mp::queue<mp::queue<int>> queues(1);
    mp::queue<int> gate(1);
    mp::process p{[](mp::queue<mp::queue<int>> to, mp::queue<int> until) {
                      mp::queue<int> made_here(1);
                      made_here.put(5);
                      to.put(made_here);
                      until.get();
                  },
                  queues, gate};
    p.start();
    auto theirs = queues.get();
    BOOST_TEST(theirs.get() == 5);
    gate.put(0);
    p.join();
    // Whoever has it open still has it.
    theirs.put(6);
    BOOST_TEST(theirs.get() == 6);
}

BOOST_AUTO_TEST_CASE(a_queue_travels_through_a_queue) {
    mp::queue<mp::queue<std::string>> queues(1);
    mp::process p{[](mp::queue<mp::queue<std::string>> from) { from.get().put("answer"); }, queues};
    p.start();
    const mp::queue<std::string> answers(1);
    queues.put(answers);
    auto mine = answers;
    BOOST_TEST(mine.get() == "answer");
    p.join();
}

BOOST_AUTO_TEST_CASE(a_queue_travels_inside_other_values) {
    mp::queue<int> q(2);
    mp::process p{[](std::vector<std::pair<int, mp::queue<int>>> all) {
                      for (auto& [n, to] : all) {
                          to.put(n);
                      }
                  },
                  std::vector{std::pair{1, q}, std::pair{2, q}}};
    p.start();
    p.join();
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.get() == 2);
}

BOOST_AUTO_TEST_CASE(a_queue_that_is_gone_is_an_error_of_whoever_opens_it) {
    mp::queue<mp::queue<int>> queues(1);
    {
        const mp::queue<int> short_lived(1);
        queues.put(short_lived);
    }
    BOOST_CHECK_THROW(queues.get(), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(tasks_of_a_pool_use_a_queue) {
    mp::pool p(2);
    mp::queue<int> q(100);
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != 10; ++i) {
        tasks.push_back(p.apply_async(put_range, q, i * 10, i * 10 + 10));
    }
    mp::wait_all(tasks);
    std::set<int> got;
    while (const auto n = q.try_get()) {
        got.insert(*n);
    }
    BOOST_TEST(got.size() == 100U);
}

BOOST_AUTO_TEST_SUITE_END()
