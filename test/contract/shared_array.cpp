// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/shared_memory.hpp>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>

#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <forward_list>
#include <limits>
#include <list>
#include <numeric>
#include <optional>
#include <ranges>
#include <span>
#include <sstream>
#include <stdexcept>
#include <utility>

using namespace fault;

namespace {

using ints = mp::shared_array<int>;

struct point {
    int x = 3;
    double y = 0.5;
    bool operator==(const point&) const = default;
};

struct work {
    std::string name;
    ints data;
    std::size_t begin;
    std::size_t end;
};

// Tasks

void add_to_part(const work& part) {
    for (std::size_t i = part.begin; i != part.end; ++i) {
        part.data[i] += static_cast<int>(i);
    }
}
long sum(std::span<const int> data) {
    return std::accumulate(data.begin(), data.end(), 0L);
}
long sum_of(const ints& data) {
    return sum(data);
}
long sum_of_all(const std::vector<ints>& arrays) {
    long total = 0;
    for (const auto& each : arrays) {
        total += sum(each);
    }
    return total;
}
void fill(ints data, int value) {
    std::ranges::fill(data, value);
}
ints filled(ints data, int value) {
    std::ranges::fill(data, value);
    return data;
}
ints make_one() {
    return ints(1000);
}
bool are_same(const ints& a, const ints& b) {
    return a == b && a.data() == b.data();
}
void count(mp::shared_array<long> counters, long times) {
    for (long i = 0; i != times; ++i) {
        std::atomic_ref(counters[0]).fetch_add(1);
    }
}
void fill_next(mp::queue<ints> from, mp::queue<int> done) {
    for (auto& array : from) {
        std::ranges::fill(array, 7);
        done.put(0);
    }
}
ints& kept_by_the_task() {
    static ints array;
    return array;
}
void keep(const ints& array) {
    kept_by_the_task() = array;
}
long sum_of_kept() {
    return sum(kept_by_the_task());
}

// What is seen from outside

/// How many shared arrays a process has mapped.
std::size_t mapped_arrays(long pid) {
    std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
    std::size_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        count += contains(line, "/dev/shm/multiprocessing-") && contains(line, "-array") ? 1 : 0;
    }
    return count;
}
std::size_t names() {
    return names_of(::getpid()).size();
}
std::size_t room() {
    return std::filesystem::space("/dev/shm").available;
}

bool is_gone(const mp::resource_error& e) {
    return e.code() == std::errc::no_such_file_or_directory && contains(e.what(), "last handle");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_array, leaves_nothing)

// One process

BOOST_AUTO_TEST_CASE(has_value_initialised_elements) {
    const ints zeros(1000);
    BOOST_TEST(zeros.size() == 1000U);
    BOOST_TEST(!zeros.empty());
    BOOST_TEST(std::ranges::count(zeros, 0) == 1000);
    const mp::shared_array<point> points(3);
    BOOST_TEST((points[2] == point{3, 0.5}));
}

BOOST_AUTO_TEST_CASE(may_have_no_elements_and_then_takes_nothing) {
    const ints none(0);
    BOOST_TEST(none.size() == 0U);
    BOOST_TEST(none.empty());
    BOOST_TEST((none.begin() == none.end()));
    BOOST_TEST((none == ints()));
    BOOST_TEST(names() == 0U);
    BOOST_TEST((mp::decode<ints>(mp::encode(none)) == none));
}

BOOST_AUTO_TEST_CASE(an_impossible_size_is_an_error_that_leaves_nothing) {
    BOOST_CHECK_THROW((void)ints(std::numeric_limits<std::size_t>::max()), std::length_error);
    BOOST_CHECK_THROW(ints(static_cast<std::size_t>(-1)), std::length_error);
    BOOST_CHECK_THROW(ints(std::size_t{1} << 62), std::length_error);
    BOOST_CHECK_THROW(ints(std::size_t{1} << 55), mp::resource_error);
    BOOST_TEST(names() == 0U);
}

BOOST_AUTO_TEST_CASE(is_made_from_any_range) {
    const std::vector vector{1, 2, 3};
    const std::list list{1L, 2L, 3L};
    const std::forward_list forward{1, 2, 3};
    std::istringstream text("1 2 3");
    for (const auto& array :
         {ints(vector), ints(list), ints(forward), ints(std::views::iota(1, 4)),
          ints(std::ranges::subrange(std::istream_iterator<int>(text), std::istream_iterator<int>()))}) {
        BOOST_TEST(array.span() == std::span(vector), boost::test_tools::per_element());
    }
    const mp::shared_array deduced(vector);
    static_assert(std::same_as<decltype(deduced), const ints>);
    BOOST_TEST(ints(std::vector<int>()).empty());
}

BOOST_AUTO_TEST_CASE(is_a_contiguous_range_and_a_span) {
    static_assert(std::ranges::contiguous_range<ints> && std::ranges::sized_range<ints>);
    static_assert(std::convertible_to<ints&, std::span<int>> &&
                  std::convertible_to<const ints&, std::span<int>>);
    static_assert(!std::convertible_to<std::size_t, ints> && !std::convertible_to<std::vector<int>, ints>);
    const ints array(4);
    std::iota(array.begin(), array.end(), 1);
    const std::span<int> view = array;
    BOOST_TEST(view.data() == array.data());
    BOOST_TEST(view.size() == 4U);
    BOOST_TEST(array[3] == 4);
    BOOST_TEST(array.data()[3] == 4);
    BOOST_TEST(sum(array) == 10);
}

BOOST_AUTO_TEST_CASE(a_copy_is_the_same_array) {
    const ints first(3);
    const auto second = first;
    second[1] = 5;
    BOOST_TEST(first[1] == 5);
    BOOST_TEST((first == second));
    BOOST_TEST((first != ints(3)));
    BOOST_TEST((first != ints()));
}

BOOST_AUTO_TEST_CASE(what_was_moved_from_has_no_elements) {
    ints first(3);
    const int* data = first.data();
    ints second(std::move(first));
    BOOST_TEST(first.empty()); // NOLINT: that is what is tested
    BOOST_TEST(second.data() == data);
    ints third;
    third = std::move(second);
    BOOST_TEST(third.data() == data);
    BOOST_TEST(names() == 1U);
    third = ints();
    BOOST_TEST(names() == 0U);
}

BOOST_AUTO_TEST_CASE(a_handle_that_comes_back_is_the_original) {
    const ints array(3);
    const auto back = mp::decode<ints>(mp::encode(array));
    BOOST_TEST((back == array));
    BOOST_TEST(back.data() == array.data());
    BOOST_TEST(mapped_arrays(::getpid()) == 1U);
}

BOOST_AUTO_TEST_CASE(a_handle_to_an_array_that_is_gone_is_an_error) {
    const auto encoded = mp::encode(ints(3));
    BOOST_CHECK_EXCEPTION((void)mp::decode<ints>(encoded), mp::resource_error, is_gone);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_handle_are_refused) {
    const ints array(100);
    auto encoded = mp::encode(array);
    for (const std::uint64_t size : {std::uint64_t{99}, std::uint64_t{101}, std::uint64_t{1} << 40,
                                     std::uint64_t{1} << 62, ~std::uint64_t{0}}) {
        std::memcpy(encoded.data(), &size, sizeof size);
        BOOST_CHECK_THROW((void)mp::decode<ints>(encoded), mp::decode_failed);
    }
    const auto of_longs = mp::encode(mp::shared_array<long>(3));
    BOOST_CHECK_THROW((void)mp::decode<ints>(of_longs), mp::resource_error);
}

// Several processes

BOOST_AUTO_TEST_CASE(tasks_write_parts_that_the_parent_sees) {
    constexpr std::size_t size = 1'000'003;
    const ints array(size);
    std::ranges::fill(array, 1);
    mp::pool pool(2);
    std::vector<work> parts;
    for (std::size_t i = 0; i != 10; ++i) {
        parts.push_back({"part", array, size * i / 10, size * (i + 1) / 10});
    }
    (void)pool.map(
        [](const work& part) {
            add_to_part(part);
            return 0;
        },
        parts);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i != size; ++i) {
        wrong += array[i] != static_cast<int>(i) + 1 ? 1 : 0;
    }
    BOOST_TEST(wrong == 0U);
}

BOOST_AUTO_TEST_CASE(tasks_see_what_the_parent_writes) {
    mp::pool pool(1);
    const ints array(1000);
    for (int i = 0; i != 100; ++i) {
        std::ranges::fill(array, i);
        BOOST_TEST(pool.apply(sum_of, array) == 1000L * i);
    }
    BOOST_TEST(mapped_arrays(pool.pids().front()) == 1U);
}

BOOST_AUTO_TEST_CASE(travels_in_containers_and_structs) {
    mp::pool pool(1);
    std::vector<ints> arrays;
    for (int i = 0; i != 5; ++i) {
        arrays.emplace_back(std::vector<int>(10, i));
    }
    BOOST_TEST(pool.apply(sum_of_all, arrays) == 100);
    BOOST_TEST(pool.apply(are_same, arrays[1], arrays[1]));
    BOOST_TEST(!pool.apply(are_same, arrays[1], arrays[2]));
    const auto sums = pool.map(sum_of, arrays);
    BOOST_TEST(sums == (std::vector<long>{0, 10, 20, 30, 40}), boost::test_tools::per_element());
    const std::optional<ints> maybe = arrays[4];
    BOOST_TEST(pool.apply([](const std::optional<ints>& a) { return a ? sum(*a) : -1; }, maybe) == 40);
}

BOOST_AUTO_TEST_CASE(a_result_is_the_array_that_was_sent) {
    mp::pool pool(1);
    const ints array(1000);
    const auto back = pool.apply(filled, array, 3);
    BOOST_TEST((back == array));
    BOOST_TEST(back.data() == array.data());
    BOOST_TEST(sum(array) == 3000);
}

BOOST_AUTO_TEST_CASE(an_argument_that_only_the_task_has_is_there_for_it) {
    mp::pool pool(1);
    std::vector<mp::future<long>> sums;
    for (int i = 0; i != 100; ++i) { // most of them wait while their arrays have no other handle
        sums.push_back(pool.apply_async(sum_of, ints(std::vector<int>(10, i))));
    }
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(sums[static_cast<std::size_t>(i)].get() == 10L * i);
    }
    const auto none_left = [] { return names() == 0; };
    pool.close();
    pool.join();
    BOOST_TEST(eventually(none_left));
}

BOOST_AUTO_TEST_CASE(an_array_that_a_task_makes_is_gone_with_it) {
    mp::pool pool(1);
    BOOST_CHECK_EXCEPTION(pool.apply(make_one), mp::resource_error, is_gone);
}

BOOST_AUTO_TEST_CASE(is_an_argument_of_a_process) {
    const ints array(1000);
    mp::process p{fill, array, 4};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
    BOOST_TEST(sum(array) == 4000);
}

BOOST_AUTO_TEST_CASE(travels_through_queues) {
    mp::queue<ints> arrays(4);
    mp::queue<int> done(4);
    mp::process p{fill_next, arrays, done};
    p.start();
    for (int i = 0; i != 10; ++i) {
        const ints array(100);
        arrays.put(array);
        done.get();
        BOOST_TEST(sum(array) == 700);
    }
    arrays.close();
    p.join();
}

BOOST_AUTO_TEST_CASE(atomic_references_work_between_processes) {
    const mp::shared_array<long> counters(1);
    mp::process a{count, counters, 100'000L};
    mp::process b{count, counters, 100'000L};
    a.start();
    b.start();
    count(counters, 100'000);
    a.join();
    b.join();
    BOOST_TEST(counters[0] == 300'000);
}

BOOST_AUTO_TEST_CASE(is_there_for_who_has_it_when_its_maker_has_left_it) {
    mp::pool pool(1);
    std::vector<std::byte> encoded;
    {
        const ints array(std::vector<int>(100'000, 2));
        pool.apply(keep, array);
        encoded = mp::encode(array);
    }
    BOOST_TEST(names_of(::getpid()).empty());
    BOOST_TEST(pool.apply(sum_of_kept) == 200'000);
    BOOST_CHECK_EXCEPTION((void)mp::decode<ints>(encoded), mp::resource_error, is_gone);
    const auto gone = pool.apply_async(
        [](const std::vector<std::byte>& handle) {
            return sum(mp::decode<ints>(handle)); // which it has open, for itself
        },
        encoded);
    BOOST_CHECK_EXCEPTION(std::move(const_cast<mp::future<long>&>(gone)).get(), mp::resource_error, is_gone);
    BOOST_TEST(pool.apply(sum_of_kept) == 200'000);
}

BOOST_AUTO_TEST_CASE(threads_receive_and_destroy_handles_at_once) {
    mp::pool pool(2);
    std::vector<ints> arrays;
    for (int i = 0; i != 100; ++i) { // more than are kept open
        arrays.emplace_back(std::vector<int>(100, i));
    }
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t != 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 300; ++i) {
                const auto& array = arrays[static_cast<std::size_t>(i * 7 % 100)];
                wrong += pool.apply(filled, array, i * 7 % 100) == array ? 0 : 1;
                wrong += pool.apply(sum_of, ints(std::vector<int>(10, i))) == 10L * i ? 0 : 1;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(wrong == 0);
    for (const auto pid : pool.pids()) {
        BOOST_TEST(mapped_arrays(pid) <= 64U);
    }
}

// Memory

BOOST_AUTO_TEST_CASE(many_arrays_one_after_the_other_leave_nothing) {
    mp::pool pool(2);
    for (int i = 0; i != 10'000; ++i) {
        const ints array(std::vector<int>(100, i));
        BOOST_REQUIRE(pool.apply(sum_of, array) == 100L * i);
        if (i % 1000 == 0) {
            BOOST_TEST(eventually([] { return names() == 1; }));
            for (const auto pid : pool.pids()) {
                BOOST_TEST(mapped_arrays(pid) <= 2U);
            }
        }
    }
    BOOST_TEST(eventually([] { return names() == 0; }));
}

/// As where /dev/shm has room for one of them only: what a worker keeps mapped is not kept from the system.
BOOST_AUTO_TEST_CASE(the_memory_of_an_array_is_free_as_soon_as_nobody_uses_it) {
    constexpr std::size_t size = 32 << 20;
    mp::pool pool(1);
    pool.apply(sum_of, ints(10));
    const auto before = room();
    {
        const ints array(size / sizeof(int));
        BOOST_TEST(before - room() >= size);
        pool.apply(sum_of, array);
        BOOST_TEST(mapped_arrays(pool.pids().front()) == 1U);
    }
    BOOST_TEST(eventually([&] { return room() + (1 << 20) > before; }, 900ms),
               "others may have used the room");
}

BOOST_AUTO_TEST_CASE(a_worker_that_uses_an_array_last_frees_its_memory) {
    constexpr std::size_t size = 32 << 20;
    mp::pool pool(1);
    pool.apply(keep, ints());
    const auto before = room();
    {
        const ints array(std::vector<int>(size / sizeof(int), 1));
        pool.apply(keep, array);
    }
    BOOST_TEST(room() + size / 2 < before);
    BOOST_TEST(pool.apply(sum_of_kept) == long{size / sizeof(int)});
    pool.apply(keep, ints());
    BOOST_TEST(eventually([&] { return room() + (1 << 20) > before; }, 900ms),
               "others may have used the room");
}

BOOST_AUTO_TEST_CASE(a_worker_that_idles_lets_go_of_arrays) {
    mp::pool pool(1);
    const auto worker = pool.pids().front();
    const ints array(1000);
    const ints in_use(1000);
    pool.apply(keep, in_use);
    pool.apply(fill, array, 1);
    BOOST_TEST(mapped_arrays(worker) == 2U);
    BOOST_TEST(eventually([&] { return mapped_arrays(worker) == 1; }));
    BOOST_TEST(pool.apply(sum_of, array) == 1000);
    pool.apply(fill, in_use, 2);
    BOOST_TEST(pool.apply(sum_of_kept) == 2000);
}

BOOST_AUTO_TEST_CASE(a_bounded_number_of_arrays_is_kept_open) {
    mp::pool pool(1);
    const auto worker = pool.pids().front();
    std::vector<ints> arrays;
    for (int i = 0; i != 200; ++i) {
        arrays.emplace_back(std::vector<int>(10, i));
        BOOST_TEST(pool.apply(sum_of, arrays.back()) == 10 * i);
    }
    BOOST_TEST(mapped_arrays(worker) <= 64U);
    BOOST_TEST(pool.apply(sum_of_all, arrays) == 10 * 199 * 200 / 2); // more than that at once
    BOOST_TEST(mapped_arrays(worker) <= 64U);
}

BOOST_AUTO_TEST_CASE(takes_no_descriptor) {
    std::vector<ints> arrays;
    const auto open = [] {
        const std::filesystem::directory_iterator descriptors("/proc/self/fd");
        return std::distance(begin(descriptors), std::filesystem::directory_iterator());
    };
    const auto before = open();
    for (int i = 0; i != 100; ++i) {
        arrays.emplace_back(10);
    }
    BOOST_TEST(open() == before);
}

BOOST_AUTO_TEST_SUITE_END()
