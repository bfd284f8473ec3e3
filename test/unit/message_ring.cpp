// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/message_ring.hpp"

#include "support/leaves_nothing.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
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
        : memory_(detail::message_ring::memory_for(format)), ring_(counts, memory_.data(), format) {}

    detail::message_ring* operator->() { return &ring_; }
    bool put(const std::string& text) {
        return ring_.try_put(text.size(), [&](std::span<std::byte> to) {
            std::ranges::copy(std::as_bytes(std::span(text)), to.begin());
        });
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

    detail::message_ring::counts counts{};

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

BOOST_AUTO_TEST_CASE(what_is_too_large_is_more_memory_than_there_can_be) {
    constexpr auto most = std::numeric_limits<std::size_t>::max();
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 1, .slot_size = most}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = most, .slot_size = 8}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = most / 2, .slot_size = most / 2}) == most);
    BOOST_TEST(detail::message_ring::memory_for({.capacity = 2, .slot_size = 24}) == 64U);
}

BOOST_AUTO_TEST_SUITE_END()
