// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/message_ring.hpp"

#include "support/leaves_nothing.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;

namespace {

/// A ring in memory of its own.
class ring {
public:
    explicit ring(const detail::message_ring::format& format)
        : memory_(detail::message_ring::memory_for(format)), ring_(all_counts, memory_.data(), format) {}

    detail::message_ring* operator->() { return &ring_; }
    bool put(const std::string& text, std::size_t priority = 0) {
        const auto write = [&](std::span<std::byte> to) {
            std::ranges::copy(std::as_bytes(std::span(text)), to.begin());
        };
        return ring_.try_put(text.size(), write, priority);
    }
    /// "-" when there is none.
    std::string get() {
        std::string got = "-";
        ring_.try_get([&](std::span<const std::byte> from) { got = text_of(from); });
        return got;
    }
    std::string all() const {
        std::string texts;
        ring_.for_each([&](std::span<const std::byte> each) { texts += text_of(each) + ' '; });
        return texts;
    }
    std::vector<std::byte>& memory() { return memory_; }

    std::array<detail::message_ring::counts, 3> all_counts{};
    detail::message_ring::counts& counts = all_counts[0];

private:
    static std::string text_of(std::span<const std::byte> bytes) {
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }

    std::vector<std::byte> memory_;
    detail::message_ring ring_;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(message_ring, leaves_nothing)

BOOST_AUTO_TEST_CASE(is_first_in_first_out_however_often_it_goes_round) {
    ring one({.capacity = 3, .slot_size = 5});
    BOOST_TEST(one.get() == "-");
    BOOST_TEST(one.put("0"));
    for (int n = 1; n != 20; ++n) {
        BOOST_TEST(one.put(std::to_string(n)));
        BOOST_TEST(one->size() == 2U);
        BOOST_TEST(one.get() == std::to_string(n - 1));
    }
    BOOST_TEST(one->put_so_far() == 20U);
}

BOOST_AUTO_TEST_CASE(holds_as_many_messages_as_it_has_slots_of_all_lengths) {
    ring one({.capacity = 3, .slot_size = 5});
    BOOST_TEST(one.put("12345"));
    BOOST_TEST(one.put(""));
    BOOST_TEST(one.put("123"));
    BOOST_TEST(!one.put("1"));
    BOOST_TEST(one.all() == "12345  123 ");
    BOOST_TEST(one.get() == "12345");
    BOOST_TEST(one.get() == "");
    BOOST_TEST(one.put("1"));
    BOOST_TEST(one.all() == "123 1 ");
}

BOOST_AUTO_TEST_CASE(an_operation_that_is_not_completed_has_not_been) {
    ring one({.capacity = 2, .slot_size = 5});
    one.put("1");
    const auto stop = [](auto&&) { throw std::runtime_error("here"); };
    BOOST_CHECK_THROW(one->try_put(5, stop), std::runtime_error);
    BOOST_CHECK_THROW(one->try_get(stop), std::runtime_error);
    BOOST_TEST(one.all() == "1 ");
    one.put("2");
    BOOST_TEST(one.get() == "1");
    BOOST_TEST(one.get() == "2");
}

BOOST_AUTO_TEST_CASE(rubbish_is_recognised) {
    constexpr auto most = std::numeric_limits<std::uint64_t>::max();
    ring one({.capacity = 2, .slot_size = 5});
    one.put("1");
    one.counts.put = 4;
    BOOST_CHECK_THROW((void)one->size(), mp::queue_broken);
    BOOST_CHECK_THROW(one.put("2"), mp::queue_broken);
    BOOST_CHECK_THROW(one.get(), mp::queue_broken);
    BOOST_CHECK_THROW((void)one.all(), mp::queue_broken);
    one.counts.put = 0;
    one.counts.got = 1;
    BOOST_CHECK_THROW(one.get(), mp::queue_broken);
    one.counts.got = most; // as if they had gone round: all in order
    BOOST_TEST(one->size() == 1U);
    one.counts.put = 1;
    one.counts.got = 0;
    std::ranges::fill(one.memory(), std::byte{0xff}); // the length
    BOOST_CHECK_THROW(one.get(), mp::queue_broken);
}

// With priorities

BOOST_AUTO_TEST_CASE(higher_priorities_come_first_and_share_the_slots) {
    ring one({.capacity = 4, .slot_size = 5, .priorities = 3});
    BOOST_TEST(one.get() == "-");
    BOOST_TEST(one.put("low", 0));
    BOOST_TEST(one.put("high", 2));
    BOOST_TEST(one.put("mid", 1));
    BOOST_TEST(one.put("high2", 2));
    BOOST_TEST(!one.put("more", 2));
    BOOST_TEST(one->size() == 4U);
    BOOST_TEST(one.all() == "low mid high high2 ");
    for (const char* const next : {"high", "high2", "mid", "low", "-"}) {
        BOOST_TEST(one.get() == next);
    }
    BOOST_TEST(one->put_so_far() == 4U);
}

BOOST_AUTO_TEST_CASE(slots_are_used_again_in_whatever_order_they_become_free) {
    ring one({.capacity = 3, .slot_size = 5, .priorities = 3});
    one.put("stay", 0);
    for (int n = 1; n != 20; ++n) {
        BOOST_TEST(one.put("mid" + std::to_string(n), 1));
        BOOST_TEST(one.put("hi" + std::to_string(n), 2));
        BOOST_TEST(!one.put("more", 2));
        BOOST_TEST(one.all() == "stay mid" + std::to_string(n) + " hi" + std::to_string(n) + " ");
        BOOST_TEST(one.get() == "hi" + std::to_string(n));
        BOOST_TEST(one.get() == "mid" + std::to_string(n));
    }
    BOOST_TEST(one.get() == "stay");
    BOOST_TEST(one->size() == 0U);
}

/// Whoever is killed has stored this and that, but for the count.
BOOST_AUTO_TEST_CASE(an_operation_by_priority_that_is_not_counted_has_not_been) {
    ring one({.capacity = 2, .slot_size = 5, .priorities = 3});
    for (int n = 0; n != 10; ++n) { // whatever slots are free
        one.put("a", 1);
        const auto before = one.all();
        one.put("b", 2);
        one.all_counts[2].put -= 1;
        BOOST_TEST(one.all() == before);
        one.put("c", 0);
        BOOST_TEST(one.get() == "a");
        one.all_counts[1].got -= 1;
        BOOST_TEST(one.all() == "c a ");
        BOOST_TEST(!one.put("more", 2));
        BOOST_TEST(one.get() == "a");
        BOOST_TEST(one.get() == "c");
    }
}

BOOST_AUTO_TEST_CASE(rubbish_among_priorities_is_recognised) {
    const detail::message_ring::format format{.capacity = 2, .slot_size = 5, .priorities = 3};
    ring one(format);
    one.put("1", 1);
    one.all_counts[2].got = 1; // one less than there are: none in all
    BOOST_TEST(one.get() == "-");
    BOOST_CHECK_THROW((void)one.all(), mp::queue_broken);
    one.put("2", 1);
    BOOST_CHECK_THROW(one.get(), mp::queue_broken);
    one.all_counts[2].got = 0;
    const auto slots = detail::message_ring::memory_for({.capacity = 2, .slot_size = 5});
    std::fill(one.memory().begin() + std::ptrdiff_t(slots), one.memory().end(),
              std::byte{0xff}); // where they are
    BOOST_CHECK_THROW(one.get(), mp::queue_broken);
    BOOST_CHECK_THROW((void)one.all(), mp::queue_broken);
    one.all_counts[1].got = 1;
    BOOST_CHECK_THROW(one.put("3"), mp::queue_broken); // where it could be
}

BOOST_AUTO_TEST_CASE(what_is_too_large_is_more_memory_than_there_can_be) {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 1, .slot_size = most}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = most, .slot_size = 8}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = most / 2, .slot_size = most / 2}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 1, .slot_size = most - 40, .priorities = 9}) ==
               most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 2, .slot_size = 24}) == 64U);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 2, .slot_size = 24, .priorities = 2}) ==
               64U + 48U);
}

BOOST_AUTO_TEST_SUITE_END()
