// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/queue.hpp>

#include <multiprocessing/error.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

// A queue within one process. How processes share it is in queue_processes.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

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

BOOST_AUTO_TEST_SUITE_END()
