// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/arena.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fcntl.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace detail = multiprocessing::detail;
namespace os = multiprocessing::os;

namespace {

/// A file with a table and an arena, as one user has it. Others have files of their own for it.
class user {
public:
    user() : user(os::make_memory("arena")) {}
    /// Another user of the same arena.
    explicit user(const user& first)
        : user(os::descriptor(
              ::open(("/proc/self/fd/" + std::to_string(first.file_.get())).c_str(), O_RDWR | O_CLOEXEC))) {}

    detail::arena& operator*() { return arena_; }
    detail::arena* operator->() { return &arena_; }
    [[nodiscard]] detail::arena_table& table() const {
        return *reinterpret_cast<detail::arena_table*>(table_.data());
    }
    [[nodiscard]] std::size_t memory() const {
        struct stat status {};
        ::fstat(file_.get(), &status);
        return static_cast<std::size_t>(status.st_blocks) * 512;
    }

private:
    explicit user(os::descriptor file) : file_(std::move(file)) {}
    static int grown(int file) {
        os::resize(file, std::max(os::size_of(file), sizeof(detail::arena_table)));
        return file;
    }

    os::descriptor file_;
    os::mapping table_{grown(file_.get()), sizeof(detail::arena_table)};
    detail::arena arena_{file_.get(), sizeof(detail::arena_table), table()};
};

using bytes = std::vector<std::byte>;

/// A value in the arena, and sent.
detail::arena::place sent(detail::arena& to, const bytes& value) {
    const auto place = to.store({value, {}});
    BOOST_TEST_REQUIRE(place.has_value());
    to.send(*place);
    return *place;
}

const bytes large(3 * detail::arena_table::unit_size + 1, std::byte{1});

} // namespace

BOOST_FIXTURE_TEST_SUITE(arena, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_value_is_read_where_another_user_wrote_it) {
    user writer;
    user reader(writer);
    const auto place = sent(*writer, large);
    reader->receive(place);
    BOOST_TEST((std::ranges::equal(reader->open(place).bytes(), large)));
}

BOOST_AUTO_TEST_CASE(both_pieces_of_a_value_are_stored) {
    user one;
    const bytes head(8, std::byte{2});
    const auto place = one->store({head, large}).value();
    one->send(place);
    one->receive(place);
    const auto value = one->open(place);
    BOOST_TEST_REQUIRE(value.bytes().size() == head.size() + large.size());
    BOOST_TEST((std::ranges::equal(value.bytes().first(8), head)));
    BOOST_TEST((std::ranges::equal(value.bytes().subspan(8), large)));
}

BOOST_AUTO_TEST_CASE(a_place_is_used_again_when_its_value_was_read) {
    user one;
    const auto place = sent(*one, large);
    one->receive(place);
    auto value = std::make_unique<detail::payload>(one->open(place));
    BOOST_TEST(one->store({large, {}})->first_unit != place.first_unit);
    value.reset();
    BOOST_TEST(one->store({large, {}})->first_unit == place.first_unit);
}

BOOST_AUTO_TEST_CASE(what_is_being_read_stays_when_more_is_mapped) {
    user one;
    const auto place = sent(*one, large);
    one->receive(place);
    const auto value = one->open(place);
    BOOST_TEST(one->store({bytes(8 << 20), {}}).has_value());
    BOOST_TEST((std::ranges::equal(value.bytes(), large)));
}

BOOST_AUTO_TEST_CASE(what_does_not_fit_is_not_stored) {
    user one;
    BOOST_TEST(!one->store({bytes(100 << 20), {}}).has_value());
    const bytes half((detail::arena_table::most_units / 2 + 1) * detail::arena_table::unit_size);
    BOOST_TEST(one->store({half, {}}).has_value());
    BOOST_TEST(!one->store({half, {}}).has_value());
}

BOOST_AUTO_TEST_CASE(what_a_user_had_who_is_gone_is_free) {
    user one;
    const bytes most(detail::arena_table::most_units * detail::arena_table::unit_size - large.size());
    auto other = std::make_unique<user>(one);
    BOOST_TEST((*other)->store({most, {}}).has_value());
    BOOST_TEST(!one->store({most, {}}).has_value());
    other.reset();
    BOOST_TEST(one->store({most, {}}).has_value());
}

BOOST_AUTO_TEST_CASE(what_a_user_has_sent_who_is_gone_is_still_received) {
    user one;
    auto other = std::make_unique<user>(one);
    const auto place = sent(**other, large);
    other.reset();
    BOOST_TEST(!one->store({bytes(detail::arena_table::most_units * detail::arena_table::unit_size), {}}));
    one->receive(place);
    BOOST_TEST((std::ranges::equal(one->open(place).bytes(), large)));
}

BOOST_AUTO_TEST_CASE(what_was_about_to_be_sent_or_received_when_its_user_died_is_free) {
    user one;
    const auto sent_here = sent(*one, large);
    (void)sent(*one, large); // and there is no message
    const auto stored = one->store({large, {}}).value();
    detail::arena::unit_set told_of;
    one->add(sent_here, told_of);
    one->add({detail::arena_table::most_units - 1, detail::arena_table::unit_size + 1}, told_of); // rubbish
    one->keep_under_way(told_of);
    BOOST_TEST(one->store({large, {}})->first_unit > sent_here.first_unit);
    one->send(stored); // it was not under way
    one->receive(stored);
    one->receive(sent_here);
    BOOST_TEST((std::ranges::equal(one->open(sent_here).bytes(), large)));
}

BOOST_AUTO_TEST_CASE(the_memory_of_what_is_free_can_be_given_back) {
    user one;
    one->trim(); // the table has its memory from now on
    const auto before = one.memory();
    const auto place = sent(*one, large);
    one->receive(place);
    auto value = std::make_unique<detail::payload>(one->open(place));
    one->trim();
    BOOST_TEST((std::ranges::equal(value->bytes(), large)));
    value.reset();
    BOOST_TEST(one.memory() > before);
    one->trim();
    BOOST_TEST(one.memory() == before);
    BOOST_TEST((one->store({large, {}})->first_unit == place.first_unit));
}

BOOST_AUTO_TEST_CASE(places_where_nothing_is_under_way_are_refused) {
    user one;
    const auto place = sent(*one, large);
    constexpr std::uint64_t most = ~std::uint64_t{0};
    const std::vector<detail::arena::place> wrong{
        {place.first_unit + 1, place.size},
        {place.first_unit, place.size + detail::arena_table::unit_size},
        {detail::arena_table::most_units, 1},
        {detail::arena_table::most_units - 1, 1},
        {0, most},
        {most, 1},
        {most, most},
        {1, most - 5}};
    for (const auto& each : wrong) {
        BOOST_CHECK_THROW(one->receive(each), multiprocessing::decode_failed);
    }
    one->receive(place);
    BOOST_CHECK_THROW(one->receive(place), multiprocessing::decode_failed); // once
    one->release(place);
}

BOOST_AUTO_TEST_CASE(a_place_beyond_the_end_of_the_file_is_refused) {
    user one;
    for (auto& unit : one.table().units) {
        unit.store(detail::arena_table::under_way);
    }
    const detail::arena::place beyond{100, 1};
    one->receive(beyond);
    BOOST_CHECK_THROW((void)one->open(beyond), multiprocessing::decode_failed);
}

BOOST_AUTO_TEST_SUITE_END()
