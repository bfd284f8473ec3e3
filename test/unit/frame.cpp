// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/frame.hpp"

#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <vector>

namespace detail = multiprocessing::detail;

namespace {

using detail::frame_header;
using detail::frame_kind;
using detail::frame_route;

std::vector<std::byte> message(const frame_header& header, std::size_t content = 0) {
    std::vector<std::byte> result(sizeof header + content, std::byte{7});
    std::memcpy(result.data(), &header, sizeof header);
    return result;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(frame, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_message_is_taken_apart) {
    const auto bytes = message({1, 42, 3, frame_kind::result, frame_route::in_message}, 3);
    const auto view = detail::parse_message(bytes);
    BOOST_TEST(view.header.id == 42U);
    BOOST_TEST((view.header.kind == frame_kind::result));
    BOOST_TEST(view.content.size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_content_beside_the_message_is_not_in_it) {
    const auto bytes = message({1, 42, 1'000'000, frame_kind::task, frame_route::by_courier});
    BOOST_TEST(detail::parse_message(bytes).content.empty());
}

BOOST_AUTO_TEST_CASE(a_content_in_a_heap_has_its_place_in_the_message) {
    const frame_header header{1, 42, 1'000'000, frame_kind::result, frame_route::in_heap};
    std::array<std::byte, 100> buffer;
    const auto size = detail::write_message(header, {}, buffer, {.offset = 4096, .flag = 3});
    const auto view = detail::parse_message(std::span(buffer).first(size));
    BOOST_TEST(view.content.empty());
    BOOST_TEST(view.place.offset == 4096U);
    BOOST_TEST(view.place.flag == 3U);
    BOOST_CHECK_THROW((void)detail::parse_message(std::span(buffer).first(size - 1)),
                      detail::nonsense_received);
    BOOST_CHECK_THROW((void)detail::parse_message(message(header)), detail::nonsense_received);
}

BOOST_AUTO_TEST_CASE(what_is_too_short_is_nonsense) {
    auto bytes = message({1, 42, 0, frame_kind::task, frame_route::in_message});
    bytes.pop_back();
    BOOST_CHECK_THROW((void)detail::parse_message(bytes), detail::nonsense_received);
    BOOST_CHECK_THROW((void)detail::parse_message({}), detail::nonsense_received);
}

BOOST_AUTO_TEST_CASE(unknown_kinds_and_routes_are_nonsense) {
    const auto unknown_kind =
        message({1, 42, 0, static_cast<frame_kind>(1 + static_cast<int>(frame_kind::result)),
                 frame_route::in_message});
    BOOST_CHECK_THROW((void)detail::parse_message(unknown_kind), detail::nonsense_received);
    const auto unknown_route =
        message({1, 42, 0, frame_kind::task,
                 static_cast<frame_route>(1 + static_cast<int>(frame_route::by_courier))});
    BOOST_CHECK_THROW((void)detail::parse_message(unknown_route), detail::nonsense_received);
}

BOOST_AUTO_TEST_CASE(a_content_of_another_size_is_nonsense) {
    for (const std::size_t said : {0, 2, 4}) {
        const auto bytes = message({1, 42, said, frame_kind::task, frame_route::in_message}, 3);
        BOOST_CHECK_THROW((void)detail::parse_message(bytes), detail::nonsense_received);
    }
    const auto both = message({1, 42, 3, frame_kind::task, frame_route::by_courier}, 3);
    BOOST_CHECK_THROW((void)detail::parse_message(both), detail::nonsense_received);
}

BOOST_AUTO_TEST_SUITE_END()
