// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "connection/depot.hpp"

#include "os/socket.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/process.hpp>

#include "support/fault.hpp"
#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstddef>
#include <ctime>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace mp = multiprocessing;
using namespace mp::detail;
using namespace std::chrono_literals;

namespace {

/// A socket pair, one end of which is left. The other sees the end of the file when nobody has it any more.
struct left_end {
    mp::os::descriptor here;
    claim_check check;

    left_end(depot& where, const claim_terms& terms) {
        auto [mine, other] = mp::os::make_socket_pair();
        here = std::move(mine);
        check = where.leave(std::move(other), terms);
    }
    [[nodiscard]] bool is_closed(steady_time deadline = steady_time::min()) const {
        return mp::os::wait_readable(here.get(), deadline);
    }
};

steady_time soon() {
    return std::chrono::steady_clock::now() + 20s;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(depot, leaves_nothing)

BOOST_AUTO_TEST_CASE(what_is_left_is_fetched_once) {
    const left_end end(own_depot(), {});
    BOOST_TEST(!end.is_closed());
    {
        const auto fetched = fetch(end.check);
        BOOST_TEST((mp::os::send_packet(fetched.get(), std::array{std::byte{1}}) == mp::os::delivery::done));
        BOOST_TEST(end.is_closed(soon())); // readable
        std::array<std::byte, 8> room{};
        BOOST_TEST(mp::os::receive_packet(end.here.get(), room).size == 1U);
        BOOST_TEST(!end.is_closed());
        BOOST_CHECK_THROW(fetch(end.check), mp::resource_error);
    }
    BOOST_TEST(end.is_closed());
}

BOOST_AUTO_TEST_CASE(or_as_often_as_wanted_until_it_is_withdrawn) {
    const left_end end(own_depot(), {.once = false});
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(bool(fetch(end.check)));
    }
    BOOST_TEST(!end.is_closed());
    own_depot().withdraw(end.check);
    BOOST_TEST(end.is_closed());
    own_depot().withdraw(end.check);
    BOOST_CHECK_THROW(fetch(end.check), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(what_nobody_fetches_is_closed_when_its_time_is_over) {
    const left_end long_time(own_depot(), {.until = soon()});
    const left_end short_time(own_depot(), {.until = std::chrono::steady_clock::now() + 10ms});
    BOOST_TEST(short_time.is_closed(soon()));
    BOOST_CHECK_THROW(fetch(short_time.check), mp::resource_error);
    BOOST_TEST(bool(fetch(long_time.check)));
}

BOOST_AUTO_TEST_CASE(tickets_are_not_to_be_guessed) {
    const left_end end(own_depot(), {});
    auto other = end.check;
    ++other.ticket;
    BOOST_CHECK_THROW(fetch(other), mp::resource_error);
    BOOST_TEST(bool(fetch(end.check)));
}

BOOST_AUTO_TEST_CASE(an_address_that_nobody_has_is_an_error) {
    BOOST_CHECK_THROW(fetch({"@multiprocessing-nobody", 1}), mp::resource_error);
    BOOST_CHECK_THROW(fetch({std::string(200, 'x'), 1}), mp::resource_error);
    BOOST_CHECK_THROW(fetch({"", 1}), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(who_connects_and_is_silent_or_talks_nonsense_keeps_nobody_waiting) {
    const left_end end(own_depot(), {});
    std::vector<mp::os::descriptor> silent;
    for (int i = 0; i != 50; ++i) {
        silent.push_back(mp::os::connect_to(end.check.address, soon()));
    }
    const auto babbler = mp::os::connect_to(end.check.address, soon());
    (void)mp::os::send_packet(babbler.get(), std::array{std::byte{1}, std::byte{2}});
    BOOST_TEST(mp::os::wait_readable(babbler.get(), soon())); // it was closed
    BOOST_TEST(bool(fetch(end.check)));
    for (const auto& each : silent) { // as nothing is left
        BOOST_TEST(mp::os::wait_readable(each.get(), soon()));
    }
}

// A copy has descriptors that nobody has given to it. They must not keep an end open that is closed here.
BOOST_AUTO_TEST_CASE(a_forked_child_keeps_nothing_of_what_is_left,
                     *boost::unit_test::precondition(fault::forks_beside_threads_are_sound)) {
    gate at_work;
    mp::process child({.start_method = mp::start_method::fork}, pass_gate, at_work, 0);
    std::string address;
    {
        const left_end end(own_depot(), {});
        address = end.check.address;
        child.start();
        at_work.wait_for_task();
        own_depot().withdraw(end.check);
        BOOST_TEST(end.is_closed());
    }
    BOOST_CHECK_THROW(fetch({address, 1}), mp::resource_error); // nobody listens
    at_work.open();
    child.join();
}

namespace {
std::chrono::nanoseconds processor_time() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}
} // namespace

BOOST_AUTO_TEST_CASE(without_descriptors_it_waits_for_some_without_turning_in_circles) {
    const left_end end(own_depot(), {});
    rlimit before{};
    ::getrlimit(RLIMIT_NOFILE, &before);
    const int next = ::dup(0);
    ::close(next);
    const rlimit one_more{static_cast<rlim_t>(next) + 1, before.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &one_more);
    const auto client = mp::os::connect_to(end.check.address, soon()); // takes the last
    constexpr auto while_there_are_none = 400ms;
    const auto used_before = processor_time();
    std::this_thread::sleep_for(while_there_are_none);
    const auto used = processor_time() - used_before;
    ::setrlimit(RLIMIT_NOFILE, &before);
    BOOST_TEST(used.count() < std::chrono::nanoseconds(while_there_are_none / 2).count());
    (void)mp::os::send_packet(client.get(), std::as_bytes(std::span(&end.check.ticket, 1)));
    std::array<std::byte, 8> room{};
    BOOST_TEST(mp::os::wait_readable(client.get(), soon()));
    BOOST_TEST(bool(mp::os::receive_packet(client.get(), room).carried));
}

BOOST_AUTO_TEST_CASE(many_leave_and_fetch_at_once) {
    std::vector<std::thread> threads;
    std::atomic<int> fetched{0};
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n != 200; ++n) { // the service ends and begins again in between
                const left_end end(own_depot(), {});
                fetched += fetch(end.check) ? 1 : 0;
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    BOOST_TEST(fetched == 800);
}

BOOST_AUTO_TEST_SUITE_END()
