// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Bytes that grow: inside, on the heap, in memory from a source.
#include <multiprocessing/detail/bytes.hpp>

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <utility>
#include <vector>

namespace detail = multiprocessing::detail;

namespace {

/// Counts what it has given.
struct source final : detail::memory_source {
    std::size_t room = 1 << 20;
    std::map<std::byte*, std::vector<std::byte>> given{};

    [[nodiscard]] std::span<std::byte> allocate(std::size_t size) noexcept override {
        if (size > room) {
            return {};
        }
        std::vector<std::byte> memory(size);
        const std::span<std::byte> result(memory);
        given.emplace(memory.data(), std::move(memory));
        return result;
    }
    void release(std::byte* memory) noexcept override { given.erase(memory); }
};

std::vector<std::byte> counted(std::size_t size) {
    std::vector<std::byte> result;
    for (std::size_t i = 0; i != size; ++i) {
        result.push_back(static_cast<std::byte>(i));
    }
    return result;
}

/// Appends bytes in pieces, and looks at them.
void fill(detail::bytes& bytes, std::size_t size) {
    const auto content = counted(size);
    for (std::size_t at = 0; at < size; at += 7) {
        bytes.append(content.data() + at, std::min<std::size_t>(7, size - at));
    }
    BOOST_TEST(std::ranges::equal(bytes, content));
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(bytes, leaves_nothing)

BOOST_AUTO_TEST_CASE(few_and_many_are_kept_in_their_order) {
    for (const std::size_t size : {0, 1, 63, 64, 65, 1000, 100'000}) {
        detail::bytes bytes;
        fill(bytes, size);
        BOOST_TEST(!bytes.are_shared());
    }
}

BOOST_AUTO_TEST_CASE(many_lie_in_memory_from_the_source_as_long_as_they_exist) {
    source from;
    {
        detail::bytes bytes(&from);
        fill(bytes, 100'000);
        BOOST_TEST(bytes.are_shared());
        BOOST_TEST(from.given.size() == 1U);
    }
    BOOST_TEST(from.given.empty());
}

BOOST_AUTO_TEST_CASE(few_do_not) {
    source from;
    detail::bytes bytes(&from);
    fill(bytes, detail::memory_source::least - 1);
    BOOST_TEST(!bytes.are_shared());
    BOOST_TEST(from.given.empty());
}

BOOST_AUTO_TEST_CASE(where_the_source_has_no_room_the_heap_has) {
    source from;
    from.room = 10'000;
    detail::bytes bytes(&from);
    fill(bytes, 100'000);
    BOOST_TEST(!bytes.are_shared());
    BOOST_TEST(from.given.empty());
}

BOOST_AUTO_TEST_CASE(what_is_let_go_belongs_to_somebody_else) {
    source from;
    detail::bytes bytes(&from);
    fill(bytes, 10'000);
    bytes.let_go();
    BOOST_TEST(bytes.empty());
    BOOST_TEST(from.given.size() == 1U);
    fill(bytes, 10); // and they can be used again
}

BOOST_AUTO_TEST_CASE(they_move_wherever_they_lie) {
    source from;
    for (const std::size_t size : {10, 500, 10'000}) {
        detail::bytes bytes(&from);
        fill(bytes, size);
        detail::bytes moved(std::move(bytes));
        BOOST_TEST(std::ranges::equal(moved, counted(size)));
        detail::bytes assigned(std::size_t{700});
        assigned = std::move(moved);
        BOOST_TEST(std::ranges::equal(assigned, counted(size)));
        const detail::bytes copy(assigned);
        BOOST_TEST(std::ranges::equal(copy, counted(size)));
    }
    BOOST_TEST(from.given.empty());
}

BOOST_AUTO_TEST_CASE(they_are_cut_and_extended) {
    detail::bytes bytes;
    fill(bytes, 1000);
    bytes.cut(10);
    BOOST_TEST(std::ranges::equal(bytes, counted(10)));
    bytes.resize(12);
    BOOST_TEST((bytes.data()[11] == std::byte{0}));
    BOOST_TEST(bytes.size() == 12U);
}

BOOST_AUTO_TEST_SUITE_END()
