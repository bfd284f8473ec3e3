// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Memory for large contents: written here, read there, given back.
#include "wire/shared_heap.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <unistd.h>
#include <utility>

namespace detail = multiprocessing::detail;
namespace os = multiprocessing::os;

namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;

os::descriptor same_as(int fd) {
    return os::descriptor(::dup(fd));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(shared_heap, leaves_nothing)

BOOST_AUTO_TEST_CASE(what_is_written_is_read_and_cannot_be_written_to) {
    detail::shared_heap heap("multiprocessing-test");
    detail::shared_heap_reader reader(same_as(heap.reader()));
    (void)heap.allocate(10);
    const auto written = heap.allocate(5000);
    BOOST_TEST_REQUIRE(written.size() >= 5000U);
    std::ranges::fill(written, std::byte{7});
    const auto read = reader.read(heap.offset_of(written).value(), 5000);
    BOOST_TEST(std::ranges::count(read.bytes(), std::byte{7}) == 5000);
    BOOST_TEST(::pwrite(heap.reader(), "x", 1, 0) == -1);
}

BOOST_AUTO_TEST_CASE(one_without_memory_has_no_room) {
    detail::shared_heap none;
    BOOST_TEST(none.allocate(1).empty());
    BOOST_TEST(none.reader() == -1);
}

BOOST_AUTO_TEST_CASE(there_is_room_for_so_much_and_no_more) {
    detail::shared_heap heap("multiprocessing-test");
    BOOST_TEST(heap.allocate(detail::shared_heap::size + 1).empty());
    const auto half = heap.allocate(detail::shared_heap::size / 2);
    BOOST_TEST(!half.empty());
    BOOST_TEST(heap.allocate(detail::shared_heap::size / 2 + 1).empty());
    heap.release(half.data());
    BOOST_TEST(heap.trim());
    heap.close();
    BOOST_TEST(heap.allocate(1).empty());
}

BOOST_AUTO_TEST_CASE(what_is_in_use_is_not_trimmed) {
    detail::shared_heap heap("multiprocessing-test");
    const auto used = heap.allocate(1);
    used.front() = std::byte{5};
    BOOST_TEST(!heap.trim());
    BOOST_TEST((used.front() == std::byte{5}));
    heap.release(used.data());
    BOOST_TEST(heap.trim());
}

BOOST_AUTO_TEST_CASE(nothing_is_read_behind_the_end) {
    auto memory = os::make_memory("multiprocessing-test");
    os::resize(memory.get(), 5 * mebibyte);
    detail::shared_heap_reader reader(std::move(memory));
    BOOST_TEST(reader.read(0, 9 * mebibyte / 2).bytes().size() == 9 * mebibyte / 2);
    BOOST_CHECK_THROW((void)reader.read(0, 7 * mebibyte), detail::nonsense_received);
    BOOST_CHECK_THROW((void)reader.read(5 * mebibyte, 1), detail::nonsense_received);
    BOOST_CHECK_THROW((void)reader.read(UINT64_MAX, 2), detail::nonsense_received);
    BOOST_CHECK_THROW((void)reader.read(0, SIZE_MAX), detail::nonsense_received);
    const auto all = reader.read(0, 5 * mebibyte);
    BOOST_TEST((all.bytes().back() == std::byte{0}));
}

BOOST_AUTO_TEST_CASE(a_result_is_released_when_its_flag_is_cleared) {
    detail::result_heap::flags in_use{};
    detail::result_heap heap(os::make_memory("multiprocessing-test"), in_use);
    for (std::size_t i = 0; i != detail::result_heap::most; ++i) {
        BOOST_TEST(heap.hand_over(heap.allocate(1)).has_value());
    }
    const auto one_more = heap.allocate(1);
    BOOST_TEST(!heap.hand_over(one_more).has_value());
    BOOST_TEST(!heap.trim());
    in_use[7] = 0;
    (void)heap.allocate(1);
    const auto handed_over = heap.hand_over(one_more);
    BOOST_TEST_REQUIRE(handed_over.has_value());
    BOOST_TEST(handed_over->flag == 7U);
    std::array<std::byte, 1> elsewhere{};
    BOOST_TEST(!heap.hand_over(elsewhere).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
