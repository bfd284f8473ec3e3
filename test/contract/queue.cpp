// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/queue.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

struct point {
    int x;
    int y;
    bool operator==(const point&) const = default;
};

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

/// Names in /dev/shm that this process has made.
std::size_t names() {
    std::size_t count = 0;
    const auto mine = "-" + std::to_string(::getpid()) + "-";
    for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
        const auto name = entry.path().filename().string();
        count += name.starts_with("multiprocessing-") && name.find(mine) != std::string::npos ? 1 : 0;
    }
    return count;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue, leaves_nothing)

// put and get

BOOST_AUTO_TEST_CASE(is_first_in_first_out) {
    mp::queue<int> q(3);
    q.put(1);
    q.put(2);
    q.put(3);
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.get() == 2);
    q.put(4);
    BOOST_TEST(q.get() == 3);
    BOOST_TEST(q.get() == 4);
}

BOOST_AUTO_TEST_CASE(knows_how_full_it_is) {
    mp::queue<int> q(2);
    BOOST_TEST(q.capacity() == 2U);
    BOOST_TEST(q.size() == 0U);
    BOOST_TEST(q.empty());
    BOOST_TEST(!q.full());
    q.put(1);
    BOOST_TEST(q.size() == 1U);
    BOOST_TEST(!q.empty());
    BOOST_TEST(!q.full());
    q.put(2);
    BOOST_TEST(q.full());
}

BOOST_AUTO_TEST_CASE(holds_a_number_of_values_by_default) {
    const mp::queue<int> q;
    BOOST_TEST(q.capacity() == 1024U);
}

BOOST_AUTO_TEST_CASE(needs_room_for_at_least_one_value) {
    BOOST_CHECK_THROW(mp::queue<int>(0), std::invalid_argument);
    BOOST_CHECK_THROW(mp::queue<int>(-1), std::invalid_argument);
    BOOST_CHECK_THROW((mp::queue<int>({.capacity = 0})), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_queue_too_large_for_shared_memory_is_an_error_that_leaves_nothing) {
    BOOST_CHECK_THROW((mp::queue<int>({.capacity = 1 << 20, .message_size = std::size_t{1} << 40})),
                      std::exception);
}

BOOST_AUTO_TEST_CASE(a_full_queue_is_not_put_into_within_a_time) {
    mp::queue<int> q(1);
    BOOST_TEST(q.try_put(1));
    BOOST_TEST(!q.try_put(2));
    BOOST_TEST(!q.put_for(2, 1ms));
    BOOST_TEST(!q.put_for(2, -1s));
    BOOST_TEST(!q.put_until(2, std::chrono::system_clock::now()));
    BOOST_TEST(!q.put_until(2, std::chrono::steady_clock::now() + 1ms));
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.put_for(2, 1h));
    BOOST_TEST(q.get() == 2);
    BOOST_TEST(q.put_until(3, std::chrono::system_clock::now() + 1h));
    BOOST_TEST(q.get() == 3);
}

BOOST_AUTO_TEST_CASE(nothing_is_got_from_an_empty_queue_within_a_time) {
    mp::queue<int> q(1);
    BOOST_TEST(!q.try_get().has_value());
    BOOST_TEST(!q.get_for(1ms).has_value());
    BOOST_TEST(!q.get_for(-1s).has_value());
    BOOST_TEST(!q.get_until(std::chrono::system_clock::now()).has_value());
    q.put(1);
    BOOST_TEST(q.try_get().value() == 1);
    q.put(2);
    BOOST_TEST(q.get_for(1h).value() == 2);
    q.put(3);
    BOOST_TEST(q.get_until(std::chrono::steady_clock::now() + 1h).value() == 3);
}

BOOST_AUTO_TEST_CASE(put_waits_for_room) {
    mp::queue<int> q(1);
    q.put(1);
    std::thread writer([&] { q.put(2); });
    BOOST_TEST(q.get() == 1);
    BOOST_TEST(q.get() == 2);
    writer.join();
}

BOOST_AUTO_TEST_CASE(get_waits_for_a_value) {
    mp::queue<int> q(1);
    std::optional<int> got;
    std::thread reader([&] { got = q.get(); });
    q.put(1);
    reader.join();
    BOOST_TEST(got.value() == 1);
}

// Values

BOOST_AUTO_TEST_CASE(carries_trivially_copyable_values) {
    mp::queue<point> q(2);
    q.put({1, 2});
    BOOST_TEST((q.get() == point{1, 2}));
}

BOOST_AUTO_TEST_CASE(carries_values_of_all_kinds) {
    mp::queue<std::map<std::string, std::vector<int>>> maps(1);
    maps.put({{"a", {1, 2}}, {"b", {}}});
    BOOST_TEST(maps.get().at("a").size() == 2U);
    mp::queue<std::unique_ptr<std::string>> pointers(1);
    pointers.put(std::make_unique<std::string>("a"));
    BOOST_TEST(*pointers.get() == "a");
    mp::queue<std::optional<int>> optionals(1);
    optionals.put(std::nullopt);
    BOOST_TEST((optionals.get() == std::nullopt));
}

BOOST_AUTO_TEST_CASE(carries_values_of_every_size_around_that_of_a_message) {
    mp::queue<std::string> q({.capacity = 2, .message_size = 64});
    for (std::size_t size = 0; size != 130; ++size) {
        const std::string value(size, 'x');
        q.put(value);
        BOOST_TEST(q.get() == value);
    }
}

BOOST_AUTO_TEST_CASE(carries_large_values_beside_the_messages) {
    mp::queue<std::string> q(3);
    const std::string large(8 << 20, 'x');
    q.put("small");
    q.put(large);
    q.put("small again");
    BOOST_TEST(q.get() == "small");
    BOOST_TEST((q.get() == large));
    BOOST_TEST(q.get() == "small again");
}

BOOST_AUTO_TEST_CASE(carries_large_plain_values) {
    using large = std::array<int, 100'000>;
    mp::queue<large> q(2);
    const auto value = std::make_unique<large>();
    (*value)[99'999] = 5;
    q.put(*value);
    BOOST_TEST(std::make_unique<large>(q.get())->back() == 5);
}

BOOST_AUTO_TEST_CASE(a_large_value_that_found_no_room_leaves_nothing) {
    mp::queue<std::string> q(1);
    q.put("a");
    const auto before = names();
    BOOST_TEST(!q.try_put(std::string(100'000, 'x')));
    BOOST_TEST(names() == before);
}

BOOST_AUTO_TEST_CASE(a_large_value_that_was_got_leaves_nothing) {
    mp::queue<std::string> q(1);
    const auto before = names();
    q.put(std::string(100'000, 'x'));
    q.get();
    BOOST_TEST(names() == before);
}

BOOST_AUTO_TEST_CASE(large_values_that_nobody_got_go_with_the_queue) {
    {
        mp::queue<std::string> q(2);
        q.put(std::string(100'000, 'x'));
        q.put(std::string(100'000, 'y'));
    }
    BOOST_TEST(names() == 0U);
}

// close

BOOST_AUTO_TEST_CASE(a_closed_queue_is_drained_and_then_throws) {
    mp::queue<int> q(2);
    q.put(1);
    q.close();
    BOOST_TEST(q.get() == 1);
    BOOST_CHECK_THROW(q.get(), mp::queue_closed);
    BOOST_CHECK_THROW(q.try_get(), mp::queue_closed);
    BOOST_CHECK_THROW(q.get_for(1h), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(nothing_is_put_into_a_closed_queue) {
    mp::queue<int> q(2);
    q.close();
    BOOST_CHECK_THROW(q.put(1), mp::queue_closed);
    BOOST_CHECK_THROW(q.try_put(1), mp::queue_closed);
    BOOST_CHECK_THROW(q.put_for(1, 1h), mp::queue_closed);
    BOOST_TEST(q.empty());
}

BOOST_AUTO_TEST_CASE(a_large_value_for_a_closed_queue_leaves_nothing) {
    mp::queue<std::string> q(1);
    q.close();
    const auto before = names();
    BOOST_CHECK_THROW(q.put(std::string(100'000, 'x')), mp::queue_closed);
    BOOST_TEST(names() == before);
}

BOOST_AUTO_TEST_CASE(closing_twice_is_closing_once) {
    mp::queue<int> q(1);
    q.close();
    q.close();
    BOOST_CHECK_THROW(q.get(), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(close_wakes_readers_that_wait) {
    mp::queue<int> q(1);
    std::vector<std::thread> readers;
    std::atomic<int> closed{0};
    for (int i = 0; i != 3; ++i) {
        readers.emplace_back([&] {
            try {
                q.get();
            } catch (const mp::queue_closed&) {
                ++closed;
            }
        });
    }
    q.close();
    for (auto& reader : readers) {
        reader.join();
    }
    BOOST_TEST(closed == 3);
}

BOOST_AUTO_TEST_CASE(close_wakes_writers_that_wait) {
    mp::queue<int> q(1);
    q.put(1);
    bool closed = false;
    std::thread writer([&] {
        try {
            q.put(2);
        } catch (const mp::queue_closed&) {
            closed = true;
        }
    });
    q.close();
    writer.join();
    BOOST_TEST(closed);
    BOOST_TEST(q.get() == 1);
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

// Iterating

BOOST_AUTO_TEST_CASE(iterating_takes_values_until_it_is_closed_and_drained) {
    mp::queue<int> q(3);
    put_range(q, 0, 3);
    q.close();
    std::vector<int> got;
    for (int& n : q) {
        got.push_back(n);
    }
    BOOST_TEST(got == (std::vector{0, 1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(iterating_over_a_closed_empty_queue_ends_at_once) {
    mp::queue<int> q(1);
    q.close();
    for ([[maybe_unused]] const int n : q) {
        BOOST_ERROR("a value from nowhere");
    }
}

BOOST_AUTO_TEST_CASE(is_an_input_range) {
    static_assert(std::ranges::input_range<mp::queue<int>>);
    mp::queue<int> q(4);
    put_range(q, 0, 4);
    q.close();
    int sum = 0;
    std::ranges::for_each(q, [&](int n) { sum += n; });
    BOOST_TEST(sum == 6);
}

BOOST_AUTO_TEST_CASE(values_may_be_moved_out_while_iterating) {
    mp::queue<std::unique_ptr<int>> q(1);
    q.put(std::make_unique<int>(5));
    q.close();
    std::vector<std::unique_ptr<int>> got;
    for (auto& p : q) {
        got.push_back(std::move(p));
    }
    BOOST_TEST(*got.at(0) == 5);
}

// Handles

BOOST_AUTO_TEST_CASE(a_copy_is_the_same_queue) {
    mp::queue<int> first(2);
    auto second = first;
    first.put(1);
    BOOST_TEST(second.get() == 1);
    second.close();
    BOOST_CHECK_THROW(first.put(2), mp::queue_closed);
}

BOOST_AUTO_TEST_CASE(destroying_the_last_handle_removes_its_names) {
    {
        mp::queue<int> first(1);
        const auto second = first;
        { const auto moved = std::move(first); }
        BOOST_TEST(names() != 0U);
    }
    BOOST_TEST(names() == 0U);
}

BOOST_AUTO_TEST_CASE(an_assigned_handle_lets_go_of_its_queue) {
    mp::queue<int> a(1);
    const auto one = names();
    a = mp::queue<int>(2);
    BOOST_TEST(names() == one);
    BOOST_TEST(a.capacity() == 2U);
}

BOOST_AUTO_TEST_CASE(many_queues_can_be_made_one_after_the_other) {
    for (int i = 0; i != 200; ++i) {
        mp::queue<int> q(1);
        q.put(i);
        BOOST_TEST(q.get() == i);
    }
}

// Processes

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
