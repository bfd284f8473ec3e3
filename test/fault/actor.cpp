// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The process of an actor is killed while it constructs its object, while it has nothing to do, in a call,
// and with calls that wait: what becomes of the calls, under each policy.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <csignal>
#include <fstream>

using namespace fault;

namespace {

/// Writes each construction and each call that has an effect to a file, for all processes it has lived in.
class witness {
public:
    witness(std::string path, int start) : path_(std::move(path)), value_(start) { note("made"); }
    int add(int n) {
        note("add");
        return value_ += n;
    }
    int die(int signal) {
        note("die");
        std::raise(signal);
        return value_;
    }
    int wait_for(const std::string& file) {
        note("wait");
        wait_for_file(file);
        return value_;
    }
    [[nodiscard]] long pid() const { return ::getpid(); }

private:
    void note(const char* what) const { std::ofstream(path_, std::ios::app) << what << ' '; }
    std::string path_;
    int value_;
};

std::string read(const scratch_file& file) {
    std::ifstream stream(file.path());
    std::string line;
    std::getline(stream, line);
    return line;
}

/// Dies while it is constructed, unless a file exists.
struct unborn {
    unborn(const std::string& born, const std::string& cradle) {
        std::ofstream(cradle, std::ios::app).put('x');
        if (!std::filesystem::exists(born)) {
            std::raise(SIGKILL);
        }
    }
    int live() { return 1; }
};

/// As one that is restarted from what it has kept.
int load(const std::string& path) {
    int value = 0;
    std::ifstream(path) >> value;
    return value;
}

mp::actor_options with(mp::restart policy) {
    return {.restart = policy};
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(actor, leaves_nothing)

BOOST_AUTO_TEST_CASE(one_that_dies_in_a_call_without_restart_is_gone) {
    const scratch_file file;
    mp::actor<witness> a(with(mp::restart::none), file.path(), 10);
    const auto pid = a.pid();
    auto before = a.call(&witness::add, 1);
    auto deadly = a.call(&witness::die, SIGKILL);
    std::vector<mp::future<int>> behind;
    for (int i = 0; i != 100; ++i) { // more than its process has got ahead
        behind.push_back(a.call(&witness::add, 1));
    }
    BOOST_TEST(before.get() == 11);
    const auto death = death_of(std::move(deadly));
    BOOST_TEST(death.pid() == pid);
    BOOST_TEST(death.signal().value() == SIGKILL);
    BOOST_TEST(contains(death.what(), "witness::die"), death.what());
    for (auto& call : behind) {
        const auto why = death_of(std::move(call));
        BOOST_TEST(why.pid() == pid);
        BOOST_TEST(contains(why.what(), "witness::add did not run: actor " + std::to_string(pid) +
                                            " was killed by SIGKILL, and is not replaced"),
                   why.what());
    }
    BOOST_TEST(contains(death_of(a.call(&witness::add, 1)).what(), "did not run")); // from now on
    BOOST_TEST(!a.is_alive());
    BOOST_TEST(read(file) == "made add die ");
    a.close();
    a.join();
}

BOOST_AUTO_TEST_CASE(one_that_dies_in_a_call_is_made_anew_and_goes_on) {
    const scratch_file file;
    mp::actor<witness> a(with(mp::restart::fresh), file.path(), 10);
    const auto pid = a.pid();
    auto before = a.call(&witness::add, 1);
    auto deadly = a.call(&witness::die, SIGKILL);
    std::vector<mp::future<int>> behind;
    for (int i = 0; i != 100; ++i) {
        behind.push_back(a.call(&witness::add, 1));
    }
    BOOST_TEST(before.get() == 11);
    BOOST_TEST(death_of(std::move(deadly)).pid() == pid);
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(behind[static_cast<std::size_t>(i)].get() == 11 + i); // in their order, each once
    }
    BOOST_TEST(a.pid() != pid);
    BOOST_TEST(read(file).starts_with("made add die made add add "));
}

BOOST_AUTO_TEST_CASE(one_that_is_killed_from_outside_in_a_call) {
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        const scratch_file file;
        const scratch_file never;
        mp::actor<witness> a(with(policy), file.path(), 10);
        const auto pid = a.call(&witness::pid).get();
        auto running = a.call(&witness::wait_for, never.path());
        auto waiting = a.call(&witness::add, 1);
        BOOST_TEST_REQUIRE(eventually([&] { return read(file) == "made wait "; }));
        kill_process(pid);
        BOOST_TEST(death_of(std::move(running)).pid() == pid);
        if (policy == mp::restart::none) {
            BOOST_TEST(death_of(std::move(waiting)).pid() == pid);
        } else {
            BOOST_TEST(waiting.get() == 11);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_that_dies_while_it_has_nothing_to_do) {
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        const scratch_file file;
        mp::actor<witness> a(with(policy), file.path(), 10);
        const auto pid = a.call(&witness::pid).get();
        kill_process(pid);
        BOOST_TEST(eventually([&] { return a.pid() != pid; }));
        auto next = a.call(&witness::add, 1);
        if (policy == mp::restart::none) {
            BOOST_TEST(death_of(std::move(next)).signal().value() == SIGKILL);
        } else {
            BOOST_TEST(next.get() == 11);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_that_dies_while_it_constructs_its_object) {
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        const scratch_file never;
        const scratch_file cradle;
        mp::actor<unborn> a(with(policy), never.path(), cradle.path());
        const auto death = death_of(a.call(&unborn::live));
        BOOST_TEST(death.signal().value() == SIGKILL);
        BOOST_TEST(std::filesystem::file_size(cradle.path()) == (policy == mp::restart::none ? 1U : 5U));
        BOOST_TEST(death_of(a.call(&unborn::live)).signal().value() == SIGKILL);
    }
}

BOOST_AUTO_TEST_CASE(one_whose_construction_succeeds_in_the_end) {
    const scratch_file born;
    const scratch_file cradle;
    mp::actor<unborn> a(with(mp::restart::fresh), born.path(), cradle.path());
    auto call = a.call(&unborn::live);
    BOOST_TEST(eventually([&] { return cradle.exists(); }));
    born.create();
    BOOST_TEST(call.get() == 1);
}

BOOST_AUTO_TEST_CASE(one_that_is_made_by_a_function_is_made_by_it_again) {
    const scratch_file kept;
    auto a = mp::actor<int>::made_by(with(mp::restart::fresh), load, kept.path());
    BOOST_TEST(a.call([](const int& value) { return value; }).get() == 0);
    std::ofstream(kept.path()) << 7;
    death_of(a.call([](int& value) { return std::raise(SIGKILL) + value; }));
    BOOST_TEST(a.call([](const int& value) { return value; }).get() == 7);
}

BOOST_AUTO_TEST_CASE(a_call_that_is_stopped_costs_the_object) {
    const scratch_file file;
    const scratch_file never;
    mp::actor<witness> a(with(mp::restart::fresh), file.path(), 10);
    BOOST_TEST(a.call(&witness::add, 5).get() == 15);
    auto late = a.call({.timeout = 10ms}, &witness::wait_for, never.path());
    auto next = a.call(&witness::add, 1);
    BOOST_CHECK_THROW(late.get(), mp::task_timed_out);
    BOOST_TEST(next.get() == 11);
}

BOOST_AUTO_TEST_CASE(one_that_dies_while_it_is_closed) {
    for (const auto policy : {mp::restart::none, mp::restart::fresh}) {
        const scratch_file file;
        mp::actor<witness> a(with(policy), file.path(), 10);
        auto deadly = a.call(&witness::die, SIGKILL);
        auto next = a.call(&witness::add, 1);
        a.close();
        a.join();
        death_of(std::move(deadly));
        if (policy == mp::restart::none) {
            death_of(std::move(next));
        } else {
            BOOST_TEST(next.get() == 11);
        }
    }
}

BOOST_AUTO_TEST_CASE(no_call_is_lost_or_run_twice_however_often_it_is_killed) {
    mp::actor<long> a(with(mp::restart::fresh), 0L);
    const mp::shared_array<long> runs(1000);
    std::vector<mp::future<void>> calls;
    for (int i = 0; i != 1000; ++i) {
        calls.push_back(a.call(
            [](long&, const mp::shared_array<long>& all, std::size_t n) {
                std::atomic_ref(all[n]).fetch_add(1);
                std::this_thread::sleep_for(20us);
            },
            runs, i));
    }
    for (std::size_t next = 10; next < runs.size(); next += 100) { // some that it has ahead have not begun
        BOOST_TEST_REQUIRE(eventually([&] { return std::atomic_ref(runs[next]).load() != 0; }));
        long pid = 0;
        BOOST_TEST_REQUIRE(eventually([&] { return (pid = a.pid()) != 0; }));
        kill_process(pid);
    }
    std::size_t lost = 0;
    for (std::size_t i = 0; i != calls.size(); ++i) {
        BOOST_TEST_REQUIRE(calls[i].wait_for(hang_limit));
        const bool finished = calls[i].successful();
        lost += finished ? 0 : 1;
        BOOST_TEST(runs[i] <= 1);
        BOOST_TEST((!finished || runs[i] == 1));
    }
    BOOST_TEST(lost <= 10U);
}

BOOST_AUTO_TEST_SUITE_END()
