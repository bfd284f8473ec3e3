// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The credits of nodes: no MPI is needed for that.
#include "mpi/places.hpp"

#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <map>
#include <vector>

namespace detail = multiprocessing::detail;
using namespace std::chrono_literals;

namespace {

struct some_places : leaves_nothing {
    detail::places places;
    std::chrono::steady_clock::time_point now = std::chrono::steady_clock::now();

    some_places() {
        places.set_most_per_worker(8);
        for (detail::worker_id id = 1; id != 101; ++id) {
            places.add(id);
        }
    }
    std::map<detail::node_id, std::size_t> fill() {
        std::map<detail::node_id, std::size_t> filled;
        for (const auto place : places.fill()) {
            ++filled[places.node_of(place).value()];
        }
        return filled;
    }
    void finish(detail::worker_id place, int tasks) {
        for (int i = 0; i != tasks; ++i) {
            places.task_sent(place, 1);
            places.task_finished(place);
        }
    }
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(places, some_places)

BOOST_AUTO_TEST_CASE(nodes_get_two_for_each_worker_in_turn) {
    BOOST_TEST(places.fill().empty()); // there is no node
    places.add_node(0, 1);
    places.add_node(1, 3);
    const auto filled = places.fill();
    BOOST_TEST(filled.size() == 8U);
    for (std::size_t i = 0; i != 4; ++i) {
        BOOST_TEST(places.node_of(filled[i]).value() == i % 2);
    }
    BOOST_TEST(places.fill().empty());
}

BOOST_AUTO_TEST_CASE(a_place_that_is_gone_is_replaced_by_a_vacant_one) {
    places.add_node(0, 1);
    const auto filled = places.fill();
    places.remove(filled.front());
    BOOST_TEST(!places.node_of(filled.front()));
    const auto next = places.fill();
    BOOST_TEST(next.size() == 1U);
    BOOST_TEST(std::ranges::count(filled, next.front()) == 0);
    places.remove_vacant();
    places.remove(next.front());
    BOOST_TEST(places.fill().empty());
}

BOOST_AUTO_TEST_CASE(a_lost_node_says_what_was_under_way_there) {
    places.add_node(0, 1);
    places.add_node(1, 1);
    (void)places.fill();
    const auto at_1 = [&](detail::worker_id place) { return places.node_of(place) == 1; };
    detail::worker_id mine = 1;
    while (!at_1(mine)) {
        ++mine;
    }
    places.task_sent(mine, 77);
    BOOST_TEST(places.task_at(mine) == 77U);
    const auto had = places.remove_node(1);
    BOOST_TEST(had.size() == 2U);
    for (const auto& [place, task] : had) {
        BOOST_TEST(task == (place == mine ? 77U : 0U));
        BOOST_TEST(!places.node_of(place));
    }
    BOOST_TEST(places.remove_node(1).empty());
    BOOST_TEST(fill().empty());
}

BOOST_AUTO_TEST_CASE(who_finishes_much_gets_more_up_to_the_limit_and_loses_it_again) {
    places.add_node(0, 1);
    const auto first = places.fill().front();
    (void)places.adapt(now);
    finish(first, 20);
    BOOST_TEST(places.adapt(now += 10ms).empty()); // 2 ms of work: four tasks more
    BOOST_TEST(fill()[0] == 4U);
    finish(first, 1000);
    BOOST_TEST(places.adapt(now += 10ms).empty());
    BOOST_TEST(fill()[0] == 2U); // eight it has
    // Nothing is finished any more: half of them, and no more than that for what may come again.
    const auto surplus = places.adapt(now += 10ms);
    BOOST_TEST(surplus.size() == 4U);
    BOOST_TEST((places.adapt(now += 10ms) == surplus)); // until they are gone
    for (const auto place : surplus) {
        places.remove(place);
    }
    BOOST_TEST(places.adapt(now += 10ms).empty());
    BOOST_TEST(fill().empty());
}

BOOST_AUTO_TEST_SUITE_END()
