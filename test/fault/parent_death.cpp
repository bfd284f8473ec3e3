// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A parent is gone in one way or another: so are its children, busy or not, and theirs.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <memory>

using namespace fault;

namespace {

void be_busy() {
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
void be_deaf() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
    stay();
}
void close_everything_and_stay() {
    ::close_range(3, ~0U, 0);
    stay();
}
void wait_in_a_queue(mp::queue<int> queue) {
    queue.get();
}
void have_a_pool() {
    mp::pool pool(2);
    auto first = pool.apply_async(be_busy);
    auto second = pool.apply_async(stay);
    first.wait();
}

mp::process& start_for_ever(mp::process child) {
    auto& kept = *new mp::process(std::move(child)); // never destroyed: its destructor would end it
    kept.start();
    return kept;
}

enum class way_out { killed, interrupted, exit_at_once, exit_orderly, return_, throw_ };

/// A parent with a pool whose workers are busy, with busy children, and with grandchildren.
void be_a_parent(const std::string& ready, way_out way, const std::string& go) {
    ::setpgid(0, 0); // as a shell does: an interrupt is for the family, not for the tests
    start_for_ever(mp::process(be_busy));
    start_for_ever(mp::process(be_deaf));
    start_for_ever(mp::process(have_a_pool));
    const auto& queue = *new mp::queue<int>(3);
    start_for_ever(mp::process(wait_in_a_queue, queue));
    auto& pool = *new mp::pool(2);
    (void)pool.apply_async(be_busy);
    (void)pool.apply_async(stay);
    eventually([] { return descendants_of(::getpid()).size() == 8; });
    std::ofstream(ready).put('x');
    wait_for_file(go);
    switch (way) {
    case way_out::killed:
    case way_out::interrupted:
        stay();
    case way_out::exit_at_once:
        ::_exit(0);
    case way_out::exit_orderly:
        std::exit(0);
    case way_out::return_:
        return;
    case way_out::throw_:
        throw std::runtime_error("thrown by a test");
    }
}

void be_a_parent_of_one(void (*child)(), const std::string& ready) {
    start_for_ever(mp::process(child));
    std::ofstream(ready).put('x');
    stay();
}
void parent_of_one_that_closes(const std::string& ready) {
    be_a_parent_of_one(close_everything_and_stay, ready);
}

void run_until_told(const std::string& started, const std::string& end) {
    std::ofstream(started) << ::getpid() << std::endl;
    wait_for_file(end);
}
void detach_a_child(const std::string& started, const std::string& end) {
    mp::process child(run_until_told, started, end);
    child.start();
    child.detach();
    stay();
}

void start_and_be_killed_at_any_time() {
    for (;;) {
        mp::pool pool(2);
        auto task = pool.apply_async(be_busy);
        mp::process child(stay);
        child.start();
    }
}

void check_that_nothing_stays(long parent, const std::vector<identity>& family) {
    check_that_they_are_gone(family);
    start_a_program();
    BOOST_TEST(names_of(parent).empty());
    for (const auto& each : family) {
        BOOST_TEST(names_of(each.pid).empty());
    }
}

void check_way_out(way_out way) {
    const scratch_file ready;
    const scratch_file go;
    mp::process parent(be_a_parent, ready.path(), way, go.path());
    parent.start();
    const auto pid = parent.pid();
    BOOST_TEST_REQUIRE(eventually([&] { return ready.exists(); }));
    const auto family = descendants_of(pid);
    BOOST_TEST(family.size() == 8U); // two workers, four children, two workers of a child
    if (way == way_out::killed) {
        parent.kill();
    } else if (way == way_out::interrupted) {
        ::kill(static_cast<pid_t>(-pid), SIGINT); // as the terminal does
    }
    go.create();
    BOOST_TEST(parent.join_for(hang_limit));
    check_that_nothing_stays(pid, family);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(parent_death, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_killed_parent_takes_its_family_along) {
    check_way_out(way_out::killed);
}

BOOST_AUTO_TEST_CASE(an_interrupt_from_the_terminal_ends_the_family) {
    check_way_out(way_out::interrupted);
}

BOOST_AUTO_TEST_CASE(a_parent_that_exits_at_once_takes_its_family_along) {
    check_way_out(way_out::exit_at_once);
}

BOOST_AUTO_TEST_CASE(a_parent_that_exits_takes_its_family_along) {
    check_way_out(way_out::exit_orderly);
}

BOOST_AUTO_TEST_CASE(a_parent_that_returns_takes_its_family_along) {
    check_way_out(way_out::return_);
}

BOOST_AUTO_TEST_CASE(a_parent_that_throws_takes_its_family_along) {
    check_way_out(way_out::throw_);
}

BOOST_AUTO_TEST_CASE(a_parent_killed_at_any_instant_of_starting_others_leaves_nobody) {
    for (int round = 0; round != 50; ++round) {
        mp::process parent(start_and_be_killed_at_any_time);
        parent.start();
        const auto pid = parent.pid();
        std::this_thread::sleep_for(std::chrono::microseconds(20'000 + 731 * round));
        ::kill(static_cast<pid_t>(pid), SIGSTOP); // so that the family can be counted
        BOOST_TEST_REQUIRE(eventually([&] { return look_at(pid).state == 'T'; }));
        const auto family = descendants_of(pid);
        parent.kill();
        parent.join();
        BOOST_TEST_CONTEXT("round " << round) {
            check_that_nothing_stays(pid, family);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_child_that_closes_all_descriptors_ends_with_its_parent) {
    const scratch_file ready;
    mp::process parent(parent_of_one_that_closes, ready.path());
    parent.start();
    const auto pid = parent.pid();
    BOOST_TEST_REQUIRE(eventually([&] { return ready.exists(); }));
    const auto family = descendants_of(pid);
    BOOST_TEST_REQUIRE(family.size() == 1U);
    BOOST_TEST_REQUIRE(eventually([&] {
        const std::filesystem::directory_iterator open("/proc/" + std::to_string(family[0].pid) + "/fd");
        return std::ranges::distance(open) == 3; // the standard streams
    }));
    parent.kill();
    parent.join();
    check_that_nothing_stays(pid, family);
}

BOOST_AUTO_TEST_CASE(a_detached_process_survives_its_parent) {
    const scratch_file started;
    const scratch_file end;
    mp::process parent(detach_a_child, started.path(), end.path());
    parent.start();
    long pid = 0;
    BOOST_TEST_REQUIRE(eventually([&] { return std::ifstream(started.path()) >> pid && pid != 0; }));
    const identity detached(pid);
    parent.kill();
    parent.join();
    BOOST_TEST(!eventually([&] { return !detached.runs(); }, 1s));
    end.create();
    BOOST_TEST(eventually([&] { return !detached.runs(); }));
}

BOOST_AUTO_TEST_SUITE_END()
