// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Every stage of a task's life, and every way to die in it: the task that the worker was on has exactly the
// outcome that is to be expected, all others have their values, and the pool is whole afterwards.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/limited.hpp"

#include <array>
#include <csignal>
#include <iostream>
#include <random>
#include <streambuf>

using namespace fault;

namespace {

enum class way { sigkill, sigsegv, stopped_and_killed, exit_at_once, abort, out_of_memory };
constexpr std::array all_ways{way::sigkill,      way::sigsegv, way::stopped_and_killed,
                              way::exit_at_once, way::abort,   way::out_of_memory};

constexpr int chosen_exit_code = 3;
constexpr int exit_code_without_memory = 251;

/// What `exit_code` says of a worker that died so.
int code_of(way how) {
    switch (how) {
    case way::sigsegv:
        return -SIGSEGV;
    case way::exit_at_once:
        return chosen_exit_code;
    case way::abort:
        return -SIGABRT;
    case way::out_of_memory:
        return exit_code_without_memory;
    default:
        return -SIGKILL;
    }
}

/// Dies, from whatever thread. One that is to be stopped is killed from outside: see `assassin`.
void die(way how) {
    switch (how) {
    case way::sigkill:
        ::kill(::getpid(), SIGKILL);
        break;
    case way::sigsegv: // as without a sanitizer, which would report it and exit
        std::signal(SIGSEGV, SIG_DFL);
        ::kill(::getpid(), SIGSEGV);
        break;
    case way::stopped_and_killed:
        ::kill(::getpid(), SIGSTOP);
        break;
    case way::exit_at_once:
        ::_exit(chosen_exit_code);
    case way::abort:
        std::signal(SIGABRT, SIG_DFL);
        std::abort();
    case way::out_of_memory:
        need_too_much();
    }
    for (;;) {
        ::pause();
    }
}

/// Kills the workers that are stopped.
class assassin {
public:
    explicit assassin(mp::pool& pool)
        : thread_([this, &pool] {
              while (!over_) {
                  for (const auto pid : pool.pids()) {
                      if (look_at(pid).state == 'T') {
                          kill_process(pid);
                      }
                  }
                  std::this_thread::sleep_for(1ms);
              }
          }) {}
    ~assassin() {
        over_ = true;
        thread_.join();
    }
    assassin(const assassin&) = delete;
    assassin& operator=(const assassin&) = delete;

private:
    std::atomic<bool> over_{false};
    std::thread thread_;
};

// The stages.

/// A thread that outlives the task that starts it, and dies when a file appears.
void die_when(const std::string& path, way how) {
    std::thread([path, how] {
        wait_for_file(path);
        die(how);
    }).detach();
}

/// Dies as soon as it is loaded: the task's arguments are being decoded.
struct fatal_to_load {
    way how{};
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& how;
        if constexpr (Archive::is_loading::value) {
            die(how);
        }
    }
};
int take(const fatal_to_load&) {
    return 0;
}

int die_running(way how) {
    die(how);
    return 0;
}

/// Dies half saved: the result is being encoded.
struct fatal_to_save {
    way how{};
    std::string text{};
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
        if constexpr (Archive::is_saving::value) {
            die(how);
        }
    }
};
fatal_to_save make_fatal_to_save(way how) {
    return {how, std::string(10'000, 'x')};
}

/// Dies when the output is flushed: the result is encoded, and not yet sent.
class fatal_to_flush : public std::streambuf {
public:
    explicit fatal_to_flush(way how) : how_(how) {}

private:
    int sync() override {
        die(how_);
        return 0;
    }
    way how_;
};
int die_before_sending(way how) {
    static fatal_to_flush* buffer = nullptr;
    buffer = new fatal_to_flush(how);
    std::cout.rdbuf(buffer);
    return 7;
}

/// Dies a moment after the result has been encoded: while it is sent, or after that.
struct soon_fatal {
    way how{};
    std::string text{};
    unsigned delay = 0; // nanoseconds
    template <class Archive>
    void serialize(Archive& archive, unsigned) {
        archive& text;
        if constexpr (Archive::is_saving::value) {
            std::thread([this_how = how,
                         until = std::chrono::steady_clock::now() + std::chrono::nanoseconds(delay)] {
                while (std::chrono::steady_clock::now() < until) {
                }
                die(this_how);
            }).detach();
        }
    }
};
soon_fatal make_soon_fatal(way how, std::size_t size, unsigned delay) {
    return {how, std::string(size, 'y'), delay};
}

// What is to be expected.

template <class R>
void check_death(mp::future<R> victim, way how) {
    BOOST_TEST_REQUIRE(victim.wait_for(hang_limit));
    try {
        victim.get();
        BOOST_ERROR("the task outlived its worker");
    } catch (const mp::worker_died& e) {
        BOOST_TEST(e.exit_code() == code_of(how), e.what());
        BOOST_TEST(std::string(e.what()).find("while running") != std::string::npos, e.what());
    }
}

/// The value, or the death that it met while it was on its way; whether the latter.
template <class R, class Check>
bool has_met_death(mp::future<R> task, way how, const Check& check_value) {
    BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
    try {
        check_value(task.get());
        return false;
    } catch (const mp::worker_died& e) {
        BOOST_TEST(e.exit_code() == code_of(how), e.what());
        return true;
    }
}

/// A pool at work, and what is to be true of it in the end.
class bystanders {
public:
    explicit bystanders(mp::isolation isolation)
        : pool_({.processes = 2, .isolation = isolation, .limits = {.address_space = memory_limit}}),
          assassin_(pool_) {}

    mp::pool& pool() { return pool_; }
    void submit() {
        for (int i = 0; i != 10; ++i) {
            others_.push_back(pool_.apply_async(twice, i));
        }
    }
    /// Waits for the death of the worker that is on the stage.
    void wait_for_death() {
        BOOST_TEST(eventually([&] { return pool_.stats().restarts == deaths_ + 1; }));
    }
    /// A worker has died of the stage, and all of these tasks have their values: but for one where another
    /// task may have had the worker by then.
    void check(way how, std::size_t most_deaths) {
        wait_for_death();
        ++deaths_;
        std::size_t died = 0;
        for (std::size_t i = 0; i != others_.size(); ++i) {
            const auto is_right = [&](int value) { BOOST_TEST(value == 2 * static_cast<int>(i % 10)); };
            died += has_met_death(std::move(others_[i]), how, is_right) ? 1 : 0;
        }
        BOOST_TEST(died <= most_deaths);
        others_.clear();
        BOOST_TEST(pool_.apply(twice, 21) == 42);
        BOOST_TEST(eventually([&] { return pool_.pids().size() == 2; }));
    }

private:
    mp::pool pool_;
    assassin assassin_;
    std::vector<mp::future<int>> others_;
    std::uint64_t deaths_ = 0;
};

/// Runs `stage` for each way to die, over each kind of channel, with other tasks before and behind. It tells
/// how many of those may die in the place of its own.
template <class Stage>
void for_each_way(const Stage& stage) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        bystanders others(isolation);
        for (const auto how : all_ways) {
            BOOST_TEST_CONTEXT("isolation " << static_cast<int>(isolation) << ", way "
                                            << static_cast<int>(how)) {
                others.submit();
                others.check(how, stage(others, how));
            }
        }
    }
}

/// For stages in which the task itself dies.
template <class Submit>
void check_stage(const Submit& submit) {
    for_each_way([&](bystanders& others, way how) {
        auto victim = submit(others.pool(), how);
        others.submit();
        check_death(std::move(victim), how);
        return std::size_t{0};
    });
}

/// For stages in which it may or may not have come through.
void check_sending(std::size_t size, unsigned longest_delay) {
    std::minstd_rand random(1);
    for (int round = 0; round != 3; ++round) {
        for_each_way([&](bystanders& others, way how) {
            auto victim =
                others.pool().apply_async(make_soon_fatal, how, size, unsigned(random() % longest_delay));
            others.submit();
            const auto is_right = [&](const soon_fatal& value) { BOOST_TEST(value.text.size() == size); };
            return has_met_death(std::move(victim), how, is_right) ? std::size_t{0} : std::size_t{1};
        });
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(matrix, leaves_nothing)

BOOST_AUTO_TEST_CASE(idle) {
    for_each_way([](bystanders& others, way how) {
        const scratch_file now;
        others.pool().apply(die_when, now.path(), how);
        BOOST_TEST(eventually([&] {
            const auto all = others.pool().stats();
            return all.queued + all.running == 0;
        }));
        now.create();
        others.wait_for_death();
        return std::size_t{0};
    });
}

BOOST_AUTO_TEST_CASE(starting) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        for (const auto how : all_ways) {
            const scratch_file died;
            mp::pool pool(
                {.processes = 1, .isolation = isolation, .limits = {.address_space = memory_limit}});
            pool.initializer(
                [](const std::string& path, way fatal) {
                    if (!std::filesystem::exists(path)) {
                        std::ofstream(path).put('x');
                        die(fatal);
                    }
                },
                died.path(), how);
            const assassin stopped(pool);
            auto task = pool.apply_async(twice, 21);
            BOOST_TEST_REQUIRE(task.wait_for(hang_limit));
            BOOST_TEST(task.get() == 42);
            BOOST_TEST(pool.stats().restarts == 1U);
        }
    }
}

// The instant is anywhere between two tasks, in receiving one, or in running it.
BOOST_AUTO_TEST_CASE(receiving) {
    std::minstd_rand random(2);
    for_each_way([&](bystanders& others, way how) {
        const scratch_file now;
        others.pool().apply(die_when, now.path(), how);
        const auto when = random() % 30;
        for (unsigned i = 0; i != 30; ++i) {
            if (i == when) {
                now.create();
            }
            others.submit();
        }
        others.wait_for_death(); // before its file goes
        return std::size_t{1};
    });
}

BOOST_AUTO_TEST_CASE(decoding) {
    check_stage([](mp::pool& pool, way how) { return pool.apply_async(take, fatal_to_load{how}); });
}

BOOST_AUTO_TEST_CASE(running) {
    check_stage([](mp::pool& pool, way how) { return pool.apply_async(die_running, how); });
}

BOOST_AUTO_TEST_CASE(encoding) {
    check_stage([](mp::pool& pool, way how) { return pool.apply_async(make_fatal_to_save, how); });
}

BOOST_AUTO_TEST_CASE(before_sending) {
    check_stage([](mp::pool& pool, way how) { return pool.apply_async(die_before_sending, how); });
}

BOOST_AUTO_TEST_CASE(sending_inline) {
    check_sending(100, 60'000);
}

BOOST_AUTO_TEST_CASE(sending_large) {
    check_sending(std::size_t{4} << 20, 6'000'000);
}

BOOST_AUTO_TEST_SUITE_END()
