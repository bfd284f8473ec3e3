// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Deaths around the start of processes, by each start method: of the parent, of the child, of the fork
// server.
#include "support/start_methods.hpp"

#include "support/fault.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <mutex>
#include <random>

using namespace fault;

namespace {

void be_busy() {
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
void exit_with(int code) {
    std::exit(code);
}
void be_a_parent(const std::string& ready, mp::start_method method) {
    mp::set_start_method(method);
    mp::process busy(be_busy);
    mp::process idle(stay);
    busy.start();
    idle.start();
    mp::pool pool(2);
    auto first = pool.apply_async(be_busy);
    auto second = pool.apply_async(stay);
    eventually([method] {
        return descendants_of(::getpid()).size() == (method == mp::start_method::forkserver ? 5U : 4U);
    });
    std::ofstream(ready).put('x');
    stay();
}

/// The fork server stays behind with a parent that knows nothing of it.
void become_another_program() {
    mp::process child({.start_method = mp::start_method::forkserver}, exit_with, 0);
    child.start();
    child.join();
    if (child.exit_code() == 0) {
        ::execlp("sleep", "sleep", "1000", nullptr);
    }
}

void start_and_be_killed_at_any_time(mp::start_method method) {
    mp::set_start_method(method);
    for (;;) {
        mp::pool pool(2);
        auto task = pool.apply_async(be_busy);
        mp::process child(stay);
        child.start();
    }
}

/// The fork server of this process, if it has one.
long server_of_this_process() {
    for (const auto child : children_of(::getpid())) {
        std::string name;
        std::getline(std::ifstream("/proc/" + std::to_string(child) + "/comm"), name);
        if (name == "mp-forkserver") {
            return child;
        }
    }
    return 0;
}

void preload_for_ever(const std::string& began) {
    std::ofstream(began).put('x');
    stay();
}
void be_a_parent_of_one_that_preloads(const std::string& began) {
    mp::set_forkserver_preload(preload_for_ever, began);
    mp::process child({.start_method = mp::start_method::forkserver}, twice, 1);
    child.start();
}

void put_all_the_time(mp::queue<int> queue) {
    for (int i = 0;; ++i) {
        queue.try_put(i);
        (void)queue.try_get();
    }
}

int throw_sometimes(int n) {
    if (n % 4 == 0) {
        throw std::out_of_range("thrown by a test");
    }
    return n;
}
/// Uses all of the library that has mutexes for a whole process.
void use_the_library() {
    mp::pool pool({.processes = 1, .start_method = mp::start_method::fork});
    const bool threw = [&] {
        try {
            pool.apply(throw_sometimes, 4);
        } catch (const std::out_of_range&) {
            return true;
        }
        return false;
    }();
    mp::shared_array<int> array(10);
    const auto filled = pool.apply(
        [](mp::shared_array<int> a) {
            a[1] = 5;
            return a[1];
        },
        array);
    auto task = pool.apply_async(stay);
    task.cancel();
    try {
        task.get();
    } catch (const mp::task_cancelled&) {
        std::exit(threw && filled == 5 && array[1] == 5 && mp::active_children().size() <= 1 ? 0 : 2);
    }
    std::exit(3);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(start_methods, leaves_nothing_but_the_server)

BOOST_DATA_TEST_CASE(a_killed_parent_takes_its_family_along, each_start_method, method) {
    const scratch_file ready;
    mp::process parent(be_a_parent, ready.path(), method);
    parent.start();
    BOOST_TEST_REQUIRE(eventually([&] { return ready.exists(); }));
    const auto family = descendants_of(parent.pid());
    BOOST_TEST(family.size() == (method == mp::start_method::forkserver ? 5U : 4U));
    parent.kill();
    parent.join();
    check_that_they_are_gone(family);
    start_a_program();
    BOOST_TEST(names_of(parent.pid()).empty());
}

BOOST_DATA_TEST_CASE(a_parent_killed_at_any_instant_of_starting_others_leaves_nobody, each_start_method,
                     method) {
    for (int round = 0; round != 10; ++round) {
        mp::process parent(start_and_be_killed_at_any_time, method);
        parent.start();
        const auto pid = parent.pid();
        std::this_thread::sleep_for(std::chrono::microseconds(10'000 + 1'731 * round)); // any instant will do
        kill_process(pid, SIGSTOP); // so that the family can be counted
        BOOST_TEST_REQUIRE(eventually([&] { return look_at(pid).state == 'T'; }));
        const auto family = descendants_of(pid);
        parent.kill();
        parent.join();
        BOOST_TEST_CONTEXT("round " << round) {
            check_that_they_are_gone(family);
        }
    }
}

BOOST_DATA_TEST_CASE(who_is_killed_while_it_uses_a_queue_stops_nobody, each_start_method, method) {
    mp::queue<int> queue(4);
    for (int round = 0; round != 10; ++round) {
        mp::process user({.start_method = method}, put_all_the_time, queue);
        user.start();
        for (int i = 0; i != 200; ++i) {
            queue.put_for(i, 1ms);
            (void)queue.get_for(1ms);
        }
        user.kill();
        user.join();
        queue.put_for(0, 1s);
        BOOST_TEST(queue.get_for(hang_limit).has_value());
    }
}

BOOST_AUTO_TEST_CASE(a_fork_server_killed_at_any_instant_is_replaced) {
    const by_default chosen(mp::start_method::forkserver);
    mp::process undisturbed(stay);
    undisturbed.start();
    const identity first_child(undisturbed.pid());
    std::atomic<bool> enough{false};
    std::atomic<int> kills{0};
    std::thread killer([&] {
        std::mt19937 random(1);
        while (!enough) {
            if (const auto server = server_of_this_process(); server != 0) {
                kill_process(server);
                ++kills;
            }
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 10'000));
        }
    });
    int failures = 0;
    for (int i = 0; i < 150 || kills < 20; ++i) {
        mp::process child(exit_with, i % 100);
        try {
            child.start();
        } catch (const mp::start_failed& e) { // ten times in a row
            BOOST_TEST(contains(e.what(), "fork server"), e.what());
            ++failures;
            continue;
        }
        BOOST_TEST_REQUIRE(child.join_for(hang_limit));
        // A new child has the server's name for a moment, and may be killed in its place.
        BOOST_TEST((child.exit_code() == i % 100 || child.exit_code() == -SIGKILL),
                   child.exit_code().value());
    }
    enough = true;
    killer.join();
    BOOST_TEST(failures < 10);
    BOOST_TEST(first_child.runs());
}

BOOST_AUTO_TEST_CASE(workers_outlive_the_fork_server_and_are_replaced_by_another) {
    mp::pool pool({.processes = 2, .start_method = mp::start_method::forkserver});
    const auto worker = pool.apply(own_pid);
    const auto server = server_of_this_process();
    kill_process(server);
    BOOST_TEST(eventually([&] { return !runs(server); }));
    BOOST_TEST(pool.apply(twice, 1) == 2);
    BOOST_TEST(runs(worker));
    BOOST_TEST(death_of(pool.apply_async([] { std::raise(SIGKILL); })).exit_code() == -SIGKILL);
    BOOST_TEST(eventually([&] { return pool.pids().size() == 2; }));
    BOOST_TEST(pool.apply(twice, 2) == 4);
    BOOST_TEST(server_of_this_process() != server);
}

BOOST_AUTO_TEST_CASE(a_fork_server_that_preloads_ends_with_its_parent) {
    const scratch_file began;
    mp::process parent(be_a_parent_of_one_that_preloads, began.path());
    parent.start();
    BOOST_TEST_REQUIRE(eventually([&] { return began.exists(); }));
    const auto family = descendants_of(parent.pid());
    BOOST_TEST(family.size() == 1U);
    parent.kill();
    parent.join();
    check_that_they_are_gone(family);
}

BOOST_AUTO_TEST_CASE(a_fork_server_ends_when_its_parent_becomes_another_program) {
    mp::process parent(become_another_program);
    parent.start();
    const auto is_another = [&] {
        std::ifstream comm("/proc/" + std::to_string(parent.pid()) + "/comm");
        std::string name;
        return comm >> name && name == "sleep";
    };
    BOOST_TEST_REQUIRE(eventually(is_another));
    BOOST_TEST(eventually([&] { return std::ranges::none_of(descendants_of(parent.pid()), &identity::runs); },
                          gone_within));
    BOOST_TEST(parent.is_alive());
    parent.kill();
    parent.join();
}

BOOST_AUTO_TEST_CASE(several_threads_may_start_processes_by_each_method,
                     *boost::unit_test::precondition(forks_beside_threads_are_sound)) {
    std::vector<std::thread> threads;
    std::array<std::optional<int>, 9> codes;
    for (std::size_t i = 0; i != codes.size(); ++i) {
        threads.emplace_back([&codes, i] {
            for (int turn = 0; turn != 5; ++turn) {
                mp::process child({.start_method = mp::all_start_methods[i % 3]}, exit_with,
                                  static_cast<int>(i));
                child.start();
                child.join();
                codes[i] = child.exit_code();
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (std::size_t i = 0; i != codes.size(); ++i) {
        BOOST_TEST(codes[i].value() == static_cast<int>(i));
    }
}

BOOST_AUTO_TEST_CASE(who_is_forked_while_threads_use_the_library_can_use_it,
                     *boost::unit_test::precondition(forks_beside_threads_are_sound)) {
    mp::pool pool(2);
    std::atomic<bool> enough{false};
    std::vector<std::thread> users;
    for (int user = 0; user != 2; ++user) {
        users.emplace_back([&] {
            while (!enough) {
                std::vector<mp::future<int>> tasks;
                for (int i = 0; i != 20; ++i) {
                    tasks.push_back(pool.apply_async(throw_sometimes, i));
                }
                for (auto& task : tasks) {
                    (void)task.try_get();
                }
                (void)mp::active_children();
            }
        });
    }
    for (int round = 0; round != 20; ++round) {
        mp::process child(mp::forked, use_the_library);
        child.start();
        BOOST_TEST_REQUIRE(child.join_for(hang_limit));
        BOOST_TEST(child.exit_code().value() == 0);
    }
    enough = true;
    for (auto& user : users) {
        user.join();
    }
    BOOST_TEST(pool.stats().restarts == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
