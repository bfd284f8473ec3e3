// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A worker leads a process group: what its tasks have started ends with it, however it ends.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <termios.h>

using namespace fault;

namespace {

long own_group() {
    return ::getpgrp();
}

/// A program that knows nothing of the library, in the background.
long start_sleep() {
    char name[] = "sleep";
    char duration[] = "1000";
    char* arguments[] = {name, duration, nullptr};
    pid_t pid = 0;
    if (::posix_spawnp(&pid, name, nullptr, nullptr, arguments, ::environ) != 0) {
        throw std::runtime_error("cannot start sleep");
    }
    return pid;
}
/// A fork that SIGTERM does not end.
long fork_the_deaf() {
    const auto pid = ::fork();
    if (pid == 0) {
        std::signal(SIGTERM, SIG_IGN);
        stay();
    }
    return pid;
}
void start_sleep_and_stay() {
    start_sleep();
    stay();
}
void have_a_pool(int workers) {
    mp::pool pool(workers);
    std::vector<mp::future<void>> tasks;
    for (int i = 0; i != workers; ++i) {
        tasks.push_back(pool.apply_async(start_sleep_and_stay));
    }
    tasks.front().wait();
}
void join_the_group(long group) {
    if (::setpgid(0, static_cast<pid_t>(group)) != 0) {
        throw std::runtime_error("cannot leave the group");
    }
    stay();
}

bool all_gone(const std::vector<identity>& processes) {
    return std::ranges::none_of(processes, [](const auto& each) { return each.runs(); });
}

/// All that the worker has started, once there are so many.
std::vector<identity> family_of(long worker, std::size_t size) {
    std::vector<identity> family;
    BOOST_TEST_REQUIRE(eventually([&] { return (family = descendants_of(worker)).size() == size; }));
    return family;
}

/// A worker that is idle and one that is busy, each with something in the background, and one with a pool.
void be_a_parent(const std::string& ready) {
    mp::pool pool(3);
    pool.apply(start_sleep);
    const auto busy = pool.apply_async(start_sleep_and_stay);
    const auto pools = pool.apply_async(have_a_pool, 2);
    eventually([] { return descendants_of(::getpid()).size() == 9; });
    std::ofstream(ready).put('x');
    stay();
}

/// Idle workers notice by themselves that the parent is gone. Each has something in the background.
void be_an_idle_parent(const std::string& ready) {
    mp::pool pool(4);
    pool.initializer(start_sleep);
    eventually([] { return descendants_of(::getpid()).size() == 8; });
    std::ofstream(ready).put('x');
    stay();
}

/// The errors that a worker gets which writes to its terminal, and reads from it.
std::pair<int, int> use_terminal() {
    const int terminal = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
    const int written = ::write(terminal, "x", 1) == 1 ? 0 : errno;
    char byte = 0;
    const int read = ::read(terminal, &byte, 1) == 1 ? 0 : errno;
    ::close(terminal);
    return {written, read};
}
/// Exits with 0 when all is as it should be.
void have_a_terminal() {
    const int master = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (::setsid() < 0 || ::grantpt(master) != 0 || ::unlockpt(master) != 0) {
        std::exit(2);
    }
    const int terminal = ::open(::ptsname(master), O_RDWR | O_CLOEXEC); // and so it is ours
    termios attributes{};
    ::tcgetattr(terminal, &attributes);
    attributes.c_lflag |= TOSTOP;
    ::tcsetattr(terminal, TCSANOW, &attributes);
    mp::pool pool(1);
    std::exit(pool.apply(use_terminal) == std::pair(0, EIO) ? 0 : 3);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(process_groups, leaves_nothing)

BOOST_AUTO_TEST_CASE(each_worker_leads_a_group) {
    mp::pool pool(2);
    for (int i = 0; i != 10; ++i) {
        const auto [group, pid] = pool.apply([] { return std::pair(own_group(), own_pid()); });
        BOOST_TEST(group == pid);
    }
}

BOOST_AUTO_TEST_CASE(a_process_stays_in_the_group_of_its_parent) {
    mp::process child([](long parents) { std::exit(own_group() == parents ? 0 : 1); }, own_group());
    child.start();
    child.join();
    BOOST_TEST(child.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(what_a_worker_has_started_ends_when_somebody_kills_it) {
    for (const int signal : {SIGKILL, SIGTERM, SIGSEGV}) {
        mp::pool pool(1);
        const auto worker = pool.apply(own_pid);
        pool.apply(fork_the_deaf);
        auto task = pool.apply_async(start_sleep_and_stay);
        const auto family = family_of(worker, 2);
        kill_process(worker, signal);
        BOOST_CHECK_THROW(task.get(), mp::worker_died);
        BOOST_TEST(eventually([&] { return all_gone(family); }));
    }
}

BOOST_AUTO_TEST_CASE(what_a_worker_has_started_ends_with_the_pool) {
    std::vector<identity> family;
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    pool.apply(start_sleep);
    pool.apply(fork_the_deaf);
    (void)pool.apply_async(have_a_pool, 2);
    family = family_of(worker, 6);
    pool.terminate();
    pool.join();
    BOOST_TEST(eventually([&] { return all_gone(family); }));
}

BOOST_AUTO_TEST_CASE(what_a_worker_has_started_ends_when_it_leaves) {
    std::vector<identity> family;
    mp::pool pool(1);
    family.emplace_back(pool.apply(start_sleep));
    family.emplace_back(pool.apply(fork_the_deaf));
    BOOST_TEST(!all_gone(family));
    pool.close();
    pool.join();
    BOOST_TEST(eventually([&] { return all_gone(family); }));
}

BOOST_AUTO_TEST_CASE(a_pool_in_a_worker_ends_with_it) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    auto task = pool.apply_async(have_a_pool, 2);
    const auto family = family_of(worker, 4);
    kill_process(worker);
    BOOST_CHECK_THROW(task.get(), mp::worker_died);
    BOOST_TEST(eventually([&] { return all_gone(family); }));
}

BOOST_AUTO_TEST_CASE(what_workers_have_started_ends_when_the_parent_is_killed) {
    const scratch_file ready;
    mp::process parent(be_a_parent, ready.path());
    parent.start();
    BOOST_TEST_REQUIRE(eventually([&] { return ready.exists(); }));
    const auto family =
        family_of(parent.pid(), 9); // three workers, two sleeps, two workers of a pool, theirs
    parent.kill();
    parent.join();
    BOOST_TEST(eventually([&] { return all_gone(family); }));
}

BOOST_AUTO_TEST_CASE(what_idle_workers_have_started_ends_when_the_parent_is_killed) {
    for (int round = 0; round != 10; ++round) {
        const scratch_file ready;
        mp::process parent(be_an_idle_parent, ready.path());
        parent.start();
        BOOST_TEST_REQUIRE(eventually([&] { return ready.exists(); }));
        const auto family = family_of(parent.pid(), 8);
        parent.kill();
        parent.join();
        BOOST_TEST_REQUIRE(eventually([&] { return all_gone(family); }, 10s));
    }
}

BOOST_AUTO_TEST_CASE(a_copy_of_the_parent_does_not_take_workers_for_dead) {
    mp::pool pool(1);
    const auto worker = pool.apply(own_pid);
    const auto copy = ::fork();
    if (copy == 0) {
        (void)mp::active_children(); // which asks each whether it runs; they are not this process's
        ::_exit(0);
    }
    ::waitpid(copy, nullptr, 0);
    BOOST_TEST(pool.apply(own_pid) == worker);
}

BOOST_AUTO_TEST_CASE(a_worker_that_joins_another_group_ends_all_the_same) {
    mp::pool pool(1);
    const identity worker(pool.apply(own_pid));
    auto task = pool.apply_async(join_the_group, own_group());
    BOOST_TEST_REQUIRE(eventually([&] { return ::getpgid(static_cast<pid_t>(worker.pid)) == ::getpgrp(); }));
    pool.terminate();
    pool.join();
    BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    BOOST_TEST(!worker.runs());
}

BOOST_AUTO_TEST_CASE(a_worker_uses_the_terminal_without_being_stopped) {
    mp::process parent(have_a_terminal);
    parent.start();
    BOOST_TEST_REQUIRE(parent.join_for(hang_limit));
    BOOST_TEST(parent.exit_code().value() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
