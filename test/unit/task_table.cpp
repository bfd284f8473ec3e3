// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/task_table.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace detail = multiprocessing::detail;
using detail::task_id;

BOOST_FIXTURE_TEST_SUITE(task_table, leaves_nothing)

BOOST_AUTO_TEST_CASE(ids_tell_the_numbers_of_tasks) {
    detail::task_ids ids;
    const auto first = ids.take();
    BOOST_TEST(detail::number_of(first) == 1U);
    BOOST_TEST(detail::number_of(ids.take()) == 2U);
    ids.give_back(first);
    BOOST_TEST(detail::number_of(ids.take()) == 3U); // in the place of the first
}

BOOST_AUTO_TEST_CASE(no_id_is_given_twice) {
    detail::task_ids ids;
    std::set<task_id> seen;
    for (int i = 0; i != 100; ++i) {
        const auto first = ids.take();
        const auto second = ids.take();
        BOOST_TEST(seen.insert(first).second);
        BOOST_TEST(seen.insert(second).second);
        ids.give_back(first);
        ids.give_back(second);
    }
}

BOOST_AUTO_TEST_CASE(a_place_is_used_again) {
    detail::task_ids ids;
    std::uint32_t highest = 0;
    for (int i = 0; i != 100; ++i) {
        const auto id = ids.take();
        highest = std::max(highest, static_cast<std::uint32_t>(id));
        ids.give_back(id);
    }
    BOOST_TEST(highest == 1U);
}

BOOST_AUTO_TEST_CASE(finds_what_was_put_there) {
    detail::task_table<std::string> table;
    table.emplace(1, "a");
    table.emplace(1000, "b"); // in another block
    BOOST_TEST(table.size() == 2U);
    BOOST_TEST(*table.find(1) == "a");
    BOOST_TEST(*table.find(1000) == "b");
    BOOST_TEST(!table.contains(2));
}

BOOST_AUTO_TEST_CASE(any_number_may_be_asked_for) {
    detail::task_table<int> table;
    BOOST_TEST(!table.contains(0));
    table.emplace(1, 1);
    for (const task_id other : {task_id{0}, task_id{256}, task_id{257}, task_id{1} << 32, UINT64_MAX}) {
        BOOST_TEST(!table.contains(other));
    }
}

BOOST_AUTO_TEST_CASE(a_former_user_of_a_place_is_not_found) {
    detail::task_ids ids;
    detail::task_table<int> table;
    const auto former = ids.take();
    table.emplace(former, 1);
    table.erase(former);
    ids.give_back(former);
    const auto now = ids.take();
    table.emplace(now, 2);
    BOOST_TEST(!table.contains(former));
    table.erase(former);
    BOOST_TEST(*table.find(now) == 2);
}

BOOST_AUTO_TEST_CASE(what_is_erased_is_destroyed) {
    detail::task_table<std::shared_ptr<int>> table;
    auto kept = std::make_shared<int>(1);
    table.emplace(1, std::shared_ptr<int>(kept));
    BOOST_TEST(kept.use_count() == 2);
    table.erase(1);
    BOOST_TEST(kept.use_count() == 1);
    BOOST_TEST(table.empty());
}

BOOST_AUTO_TEST_CASE(addresses_stay) {
    detail::task_table<int> table;
    const auto* first = &table.emplace(1, 1);
    for (task_id id = 2; id != 2000; ++id) {
        table.emplace(id, 2);
    }
    BOOST_TEST(table.find(1) == first);
}

BOOST_AUTO_TEST_CASE(visits_those_that_are_there) {
    detail::task_table<int> table;
    for (const task_id id : {task_id{300}, task_id{2}, (task_id{1} << 32) + 3}) {
        table.emplace(id, 0);
    }
    table.erase(2);
    std::vector<task_id> seen;
    table.for_each_id([&](task_id id) { seen.push_back(id); });
    BOOST_TEST(seen == (std::vector<task_id>{(task_id{1} << 32) + 3, 300}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
