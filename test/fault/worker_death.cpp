// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A worker dies at every stage of its life, and one task at most notices.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <array>
#include <csignal>
#include <random>

using namespace fault;

namespace {

int end_by_signal(int number) {
    std::signal(number, SIG_DFL);
    std::raise(number);
    return 0;
}
int exit_at_once(int code) {
    ::_exit(code);
}
int exit_orderly(int code) {
    std::exit(code);
}
int call_abort() {
    std::abort();
}
/// As in a program without sanitizers, which would report it and exit.
__attribute__((no_sanitize("address", "undefined"))) int dereference_null() {
    std::signal(SIGSEGV, SIG_DFL);
    static volatile int* volatile nothing = nullptr;
    return *nothing; // NOLINT: that is the point
}
int end_in_terminate() {
    std::terminate();
}
int throw_an_int() {
    throw 42;
}
void announce_and_stay(const std::string& path) {
    std::ofstream(path).put('x');
    for (;;) {
        ::pause();
    }
}
int close_everything(int n) {
    ::close_range(3, ~0U, 0);
    return n;
}
int wait_and_die(const std::string& path) {
    wait_for_file(path);
    return end_by_signal(SIGKILL);
}
int die_at(int n, int fatal) {
    return n % 10 == fatal ? end_by_signal(SIGKILL) : n;
}
std::vector<char> large(std::size_t size) {
    return std::vector<char>(size, 'x');
}

struct not_saved {
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
        if constexpr (Archive::is_saving::value) {
            throw std::domain_error("will not be saved");
        }
    }
    std::string text = std::string(100'000, 'x'); // to be dropped again
};
not_saved make_not_saved() {
    return {};
}
struct not_loaded {
    template <class Archive>
    void serialize(Archive&, unsigned) {
        if constexpr (Archive::is_loading::value) {
            throw std::domain_error("will not be loaded");
        }
    }
};
int take_not_loaded(const not_loaded&) {
    return 0;
}

/// Whether the process has a descriptor of a file with such a name.
bool has_open(long pid, const std::string& part) {
    std::error_code vanished;
    for (std::filesystem::directory_iterator it("/proc/" + std::to_string(pid) + "/fd", vanished), end;
         !vanished && it != end; it.increment(vanished)) {
        if (contains(std::filesystem::read_symlink(it->path(), vanished).string(), part)) {
            return true;
        }
    }
    return false;
}

/// Each task's side effect, in memory that does not die with a worker.
struct effects {
    std::atomic<long> last_worker;
    std::array<std::atomic<std::uint32_t>, 2'000> runs;
};
unsigned leave_effect(const std::string& path, unsigned task) {
    static const shared<effects> seen(path);
    seen->last_worker = ::getpid();
    ++seen->runs[task];
    return task + 1;
}

/// What became of a wave of tasks, each of which is to leave its effect once.
struct account {
    unsigned values = 0;
    unsigned deaths = 0;
    unsigned wrong = 0;
};
account settle(std::vector<mp::future<unsigned>>& tasks, effects& seen) {
    account result;
    for (unsigned i = 0; i != tasks.size(); ++i) {
        const auto runs = [&] { return seen.runs[i].exchange(0); };
        try {
            result.wrong += tasks[i].get() != i + 1 || runs() != 1;
            ++result.values;
        } catch (const mp::worker_died&) {
            result.wrong += runs() > 1; // it may have died before the effect
            ++result.deaths;
        }
    }
    return result;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(worker_death, leaves_nothing)

BOOST_AUTO_TEST_CASE(an_idle_worker_that_is_killed_is_replaced) {
    mp::pool pool(1);
    const auto first = pool.apply(own_pid);
    kill_process(first);
    BOOST_TEST(eventually([&] { return pool.pids().size() == 1 && pool.pids().front() != first; }));
    BOOST_TEST(pool.apply(own_pid) != first);
    BOOST_TEST(pool.stats().restarts == 1U);
}

BOOST_AUTO_TEST_CASE(a_task_submitted_right_after_an_idle_worker_died_runs_elsewhere) {
    mp::pool pool(1);
    for (int round = 0; round != 20; ++round) {
        const identity victim(pool.apply(own_pid));
        kill_process(victim.pid);
        BOOST_TEST_REQUIRE(eventually([&] { return !victim.runs(); }));
        BOOST_TEST(pool.apply(twice, 21) == 42);
    }
}

BOOST_AUTO_TEST_CASE(a_worker_killed_while_running_fails_its_task_with_all_that_is_known) {
    mp::pool pool(1);
    const auto pid = pool.apply(own_pid);
    const scratch_file begun;
    auto task = pool.apply_async(announce_and_stay, begun.path());
    BOOST_TEST_REQUIRE(eventually([&] { return begun.exists(); }));
    kill_process(pid);
    const auto death = death_of(std::move(task));
    BOOST_TEST(death.pid() == pid);
    BOOST_TEST(death.exit_code() == -SIGKILL);
    BOOST_TEST((death.signal() == SIGKILL));
    BOOST_TEST(contains(death.what(), "worker " + std::to_string(pid) + " was killed by SIGKILL while"),
               death.what());
    BOOST_TEST(contains(death.what(), "announce_and_stay"), death.what());
    BOOST_TEST(pool.apply(own_pid) != pid);
}

BOOST_AUTO_TEST_CASE(every_way_to_die_has_its_exit_code) {
    mp::pool pool(1);
    BOOST_TEST(death_of(pool.apply_async(exit_at_once, 3)).exit_code() == 3);
    BOOST_TEST(death_of(pool.apply_async(exit_at_once, 0)).exit_code() == 0);
    BOOST_TEST(death_of(pool.apply_async(exit_orderly, 4)).exit_code() == 4);
    BOOST_TEST(death_of(pool.apply_async(call_abort)).exit_code() == -SIGABRT);
    BOOST_TEST(death_of(pool.apply_async(end_in_terminate)).exit_code() == -SIGABRT);
    BOOST_TEST(death_of(pool.apply_async(dereference_null)).exit_code() == -SIGSEGV);
    for (const int number : {SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGFPE, SIGSYS}) {
        BOOST_TEST(death_of(pool.apply_async(end_by_signal, number)).exit_code() == -number);
    }
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(a_worker_that_exits_is_not_said_to_be_killed) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(exit_at_once, 3));
    BOOST_TEST(!death.signal());
    BOOST_TEST(contains(death.what(), "exited with code 3 while running"), death.what());
}

BOOST_AUTO_TEST_CASE(a_thrown_int_is_the_tasks_own_error) {
    mp::pool pool(1);
    const auto pid = pool.apply(own_pid);
    BOOST_CHECK_EXCEPTION(pool.apply(throw_an_int), mp::remote_error,
                          [](const auto& e) { return e.type_name() == "int"; });
    BOOST_TEST(pool.apply(own_pid) == pid);
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_encoded_is_the_error_of_that_task) {
    mp::pool pool(1);
    const auto pid = pool.apply(own_pid);
    BOOST_CHECK_EXCEPTION(pool.apply(make_not_saved), std::domain_error,
                          [](const auto& e) { return contains(e.what(), "will not be saved"); });
    BOOST_TEST(pool.apply(own_pid) == pid);
}

BOOST_AUTO_TEST_CASE(an_argument_that_cannot_be_decoded_is_the_error_of_that_task) {
    mp::pool pool(1);
    const auto pid = pool.apply(own_pid);
    BOOST_CHECK_EXCEPTION(pool.apply(take_not_loaded, not_loaded{}), std::domain_error,
                          [](const auto& e) { return contains(e.what(), "will not be loaded"); });
    BOOST_TEST(pool.apply(own_pid) == pid);
}

BOOST_AUTO_TEST_CASE(a_worker_that_closes_all_its_descriptors_costs_one_task_at_most) {
    mp::pool pool(1);
    for (int round = 0; round != 10; ++round) {
        try {
            BOOST_TEST(pool.apply(close_everything, round) == round);
        } catch (const mp::worker_died&) { // as well
        }
        BOOST_TEST(pool.apply(twice, 21) == 42);
    }
}

BOOST_AUTO_TEST_CASE(tasks_sent_to_a_worker_and_not_begun_run_elsewhere) {
    for (int round = 0; round != 10; ++round) {
        mp::pool pool(1);
        const scratch_file go;
        auto fatal = pool.apply_async(wait_and_die, go.path());
        std::vector<mp::future<int>> others;
        for (int i = 0; i != 100; ++i) {
            others.push_back(pool.apply_async(twice, i));
        }
        go.create();
        BOOST_TEST((death_of(std::move(fatal)).signal() == SIGKILL));
        for (int i = 0; i != 100; ++i) {
            BOOST_TEST(others[static_cast<std::size_t>(i)].get() == 2 * i);
        }
    }
}

BOOST_AUTO_TEST_CASE(only_the_tasks_that_kill_fail) {
    mp::pool pool(2);
    std::vector<mp::future<int>> tasks;
    for (int i = 0; i != 500; ++i) {
        tasks.push_back(pool.apply_async(die_at, i, 7));
    }
    for (int i = 0; i != 500; ++i) {
        auto& task = tasks[static_cast<std::size_t>(i)];
        if (i % 10 == 7) {
            BOOST_CHECK_THROW(task.get(), mp::worker_died);
        } else {
            BOOST_TEST(task.get() == i);
        }
    }
}

BOOST_AUTO_TEST_CASE(workers_killed_while_they_start_are_replaced) {
    for (int round = 0; round != 50; ++round) {
        mp::pool pool(2);
        for (const auto pid : pool.pids()) {
            kill_process(pid);
        }
        BOOST_TEST(pool.apply(twice, 21) == 42);
    }
}

BOOST_AUTO_TEST_CASE(workers_killed_at_any_instant_of_their_start_are_replaced) {
    constexpr unsigned seed = 1;
    std::minstd_rand random(seed);
    BOOST_TEST_CONTEXT("seed " << seed) {
        for (int round = 0; round != 100; ++round) {
            mp::pool pool(1);
            const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 10'000);
            auto task = pool.apply_async(twice, 21);
            while (std::chrono::steady_clock::now() < end) {
            }
            for (const auto pid : pool.pids()) {
                kill_process(pid);
            }
            try {
                BOOST_TEST(task.get() == 42);
            } catch (const mp::worker_died&) { // it was quick
            }
            BOOST_TEST(pool.apply(twice, 4) == 8);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_worker_killed_while_it_hands_over_a_large_result_fails_its_task) {
    constexpr std::size_t size = 200 << 20; // by courier
    mp::pool pool(1);
    const auto pid = pool.apply(own_pid);
    auto task = pool.apply_async(large, size);
    BOOST_TEST_REQUIRE(eventually([&] { return has_open(pid, "multiprocessing-payload"); }));
    kill_process(pid);
    try {
        BOOST_TEST(task.get().size() == size); // it was quick
    } catch (const mp::worker_died& e) {
        BOOST_TEST(e.pid() == pid);
    }
    BOOST_TEST(pool.apply(large, size).size() == size);
}

BOOST_AUTO_TEST_CASE(a_worker_killed_at_any_instant_of_a_large_result_fails_its_task) {
    constexpr unsigned seed = 2;
    std::minstd_rand random(seed);
    mp::pool pool(1);
    BOOST_TEST_CONTEXT("seed " << seed) {
        for (int round = 0; round != 60; ++round) {
            const std::size_t size = round % 4 != 0 ? 5 << 20 : 130 << 20; // in the heap, by courier
            const auto pid = pool.apply(own_pid);
            auto task = pool.apply_async(large, size);
            const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 60'000);
            while (std::chrono::steady_clock::now() < end && !task.ready()) {
            }
            kill_process(pid);
            try {
                const auto result = task.get();
                BOOST_TEST((result == large(size)));
            } catch (const mp::worker_died& e) {
                BOOST_TEST(e.pid() == pid);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_result_that_was_read_late_survives_its_worker) {
    mp::pool pool(1);
    for (const std::size_t size : {std::size_t{100}, std::size_t{5} << 20, std::size_t{70} << 20}) {
        auto task = pool.apply_async(large, size);
        task.wait();
        for (const auto pid : pool.pids()) {
            kill_process(pid);
        }
        BOOST_TEST(pool.apply(twice, 21) == 42);
        BOOST_TEST((task.get() == large(size)));
    }
}

BOOST_AUTO_TEST_CASE(a_storm_of_kills_loses_and_repeats_nothing) {
    constexpr unsigned seed = 3;
#ifdef __SANITIZE_ADDRESS__ // an instrumented worker takes fifty times as long to start
    constexpr unsigned most_kills = 200;
#else
    constexpr unsigned most_kills = 1'000;
#endif
    const scratch_file file;
    const shared<effects> seen(file.path());
    mp::pool pool(2);

    // Kills a worker in the midst of its tasks, each once: the next has got to work before.
    std::atomic<unsigned> kills{0};
    std::atomic<bool> over{false};
    std::thread killer([&] {
        std::minstd_rand random(seed);
        for (long last = 0; !over && kills != most_kills;) {
            const auto worker = seen->last_worker.load();
            if (worker == last || worker == 0) {
                std::this_thread::yield();
                continue;
            }
            const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random() % 1'000);
            while (std::chrono::steady_clock::now() < end) {
            }
            kill_process(worker);
            last = worker;
            ++kills;
        }
    });

    account total;
    while (kills != most_kills) {
        std::vector<mp::future<unsigned>> tasks;
        for (unsigned i = 0; i != seen->runs.size(); ++i) {
            tasks.push_back(pool.apply_async(leave_effect, file.path(), i));
        }
        const auto wave = settle(tasks, *seen);
        total.values += wave.values;
        total.deaths += wave.deaths;
        total.wrong += wave.wrong;
        BOOST_TEST_REQUIRE(wave.wrong == 0U, "seed " << seed << ": " << wave.wrong << " tasks ran twice, or "
                                                     << "have a wrong value, after " << kills << " kills");
    }
    over = true;
    killer.join();
    BOOST_TEST(total.deaths <= kills);
    BOOST_TEST_MESSAGE(total.values << " values, " << total.deaths << " deaths, " << kills << " kills");
}

BOOST_AUTO_TEST_SUITE_END()
