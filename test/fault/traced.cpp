// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A child that is traced, by a debugger or the leak check of a sanitizer, cannot be reaped before its tracer
// has seen its end.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <csignal>
#include <sys/prctl.h>
#include <sys/ptrace.h>

using namespace fault;

namespace {

/// Has this process traced by one that is in no hurry: it does not look at what it is told.
void have_a_tracer() {
    ::prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
    if (::fork() == 0) {
        ::setpgid(0, 0); // else it would end with its worker
        ::ptrace(PTRACE_SEIZE, ::getppid(), nullptr, nullptr);
        stay();
    }
}
[[noreturn]] void be_traced() {
    have_a_tracer();
    stay();
}
/// The one of these that has a child.
long parent_among(const std::vector<long>& pids) {
    long found = 0;
    eventually([&] {
        for (const auto pid : pids) {
            found = children_of(pid).empty() ? found : pid;
        }
        return found != 0;
    });
    return found;
}
bool is_zombie(long pid) {
    return look_at(pid).state == 'Z';
}
void do_nothing() {}
void wait_for_it(const mp::event& it) {
    it.wait();
}
/// What could not be reaped in time is reaped when a process is started later.
bool is_reaped_later(long pid) {
    return eventually([&] {
        mp::process next(do_nothing);
        next.start();
        next.join();
        return !is_zombie(pid);
    });
}

/// The one that traces a process, once there is one; it is killed at the end of the scope.
class tracer_of {
public:
    explicit tracer_of(long pid) {
        eventually([&] { return (pid_ = tracer(pid)) != 0; });
    }
    ~tracer_of() { let_go(); }
    tracer_of(const tracer_of&) = delete;
    tracer_of& operator=(const tracer_of&) = delete;

    [[nodiscard]] bool exists() const noexcept { return pid_ != 0; }
    void let_go() noexcept {
        if (pid_ != 0) {
            kill_process(std::exchange(pid_, 0));
        }
    }

private:
    static long tracer(long pid) {
        std::ifstream file("/proc/" + std::to_string(pid) + "/status");
        for (std::string field; file >> field;) {
            if (field == "TracerPid:") {
                long found = 0;
                file >> found;
                return found;
            }
        }
        return 0;
    }

    long pid_ = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(traced, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_process_is_joined_when_its_tracer_lets_go) {
    mp::process child(be_traced);
    child.start();
    tracer_of tracer(child.pid());
    BOOST_TEST_REQUIRE(tracer.exists());
    kill_process(child.pid());
    BOOST_TEST(eventually([&] { return is_zombie(child.pid()); }));
    BOOST_TEST(!child.join_for(50ms));
    BOOST_TEST(!child.exit_code().has_value());
    std::atomic<bool> joined{false};
    std::jthread joining([&] {
        child.join();
        joined = true;
    });
    BOOST_TEST(!eventually([&] { return joined.load(); }, 50ms));
    tracer.let_go();
    joining.join();
    BOOST_TEST(child.exit_code().value() == -SIGKILL);
}

BOOST_AUTO_TEST_CASE(a_pool_works_on_while_a_tracer_holds_a_dead_worker) {
    mp::pool pool(2);
    const auto before = pool.pids();
    auto task = pool.apply_async(be_traced);
    const auto victim = parent_among(before);
    tracer_of tracer(victim);
    BOOST_TEST_REQUIRE(tracer.exists());
    kill_process(victim);
    BOOST_TEST(eventually([&] { return is_zombie(victim); }));
    for (int i = 0; i != 100; ++i) {
        BOOST_TEST(pool.apply(twice, i) == 2 * i);
    }
    BOOST_TEST(!task.wait_for(0ns));
    tracer.let_go();
    const auto death = death_of(std::move(task));
    BOOST_TEST(death.exit_code() == -SIGKILL);
    BOOST_TEST(death.pid() == victim);
}

BOOST_AUTO_TEST_CASE(what_a_dead_worker_has_not_begun_does_not_wait_for_its_tracer) {
    mp::pool pool(2);
    mp::event go_on;
    auto task = pool.apply_async(be_traced);
    auto busy = pool.apply_async(wait_for_it, go_on);
    const auto victim = parent_among(pool.pids());
    const tracer_of tracer(victim);
    BOOST_TEST_REQUIRE(tracer.exists());
    std::vector<mp::future<int>> behind;
    for (int i = 0; i != 10; ++i) { // some behind each of the two
        behind.push_back(pool.apply_async(twice, i));
    }
    kill_process(victim);
    go_on.set();
    for (int i = 0; i != 10; ++i) {
        BOOST_TEST(behind[static_cast<std::size_t>(i)].get() == 2 * i);
    }
    BOOST_TEST(!task.wait_for(0ns));
}

BOOST_AUTO_TEST_CASE(an_idle_worker_is_replaced_though_a_tracer_holds_it) {
    for (const auto isolation : {mp::isolation::shared, mp::isolation::strict}) {
        mp::pool pool({.processes = 2, .isolation = isolation});
        const auto before = pool.pids();
        pool.apply(have_a_tracer);
        const auto victim = parent_among(before);
        {
            const tracer_of tracer(victim);
            BOOST_TEST_REQUIRE(tracer.exists());
            kill_process(victim);
            for (int i = 0; i != 100; ++i) { // some may have been sent to it already
                BOOST_TEST(pool.apply(twice, i) == 2 * i);
            }
            BOOST_TEST(eventually([&] { return pool.stats().restarts == 1U && pool.pids().size() == 2U; }));
            BOOST_TEST(is_zombie(victim));
        }
        BOOST_TEST(is_reaped_later(victim));
    }
}

BOOST_AUTO_TEST_CASE(a_process_is_destroyed_though_a_tracer_holds_it) {
    auto child = std::make_unique<mp::process>(be_traced);
    child->start();
    const auto pid = child->pid();
    {
        const tracer_of tracer(pid);
        BOOST_TEST_REQUIRE(tracer.exists());
        BOOST_TEST(ends([&] { child.reset(); }, [] {}));
        BOOST_TEST(is_zombie(pid));
    }
    BOOST_TEST(is_reaped_later(pid));
}

BOOST_AUTO_TEST_CASE(a_pool_is_destroyed_though_a_tracer_holds_a_worker) {
    auto pool = std::make_unique<mp::pool>(1);
    auto task = pool->apply_async(be_traced);
    const auto pid = parent_among(pool->pids());
    {
        const tracer_of tracer(pid);
        BOOST_TEST_REQUIRE(tracer.exists());
        BOOST_TEST(ends([&] { pool.reset(); }, [] {}));
        BOOST_TEST(is_zombie(pid));
        BOOST_CHECK_THROW(task.get(), mp::pool_terminated);
    }
    BOOST_TEST(is_reaped_later(pid));
}

BOOST_AUTO_TEST_CASE(a_task_does_not_wait_for_ever_for_the_end_of_its_worker) {
    mp::pool pool(1);
    auto task = pool.apply_async(be_traced);
    const auto victim = parent_among(pool.pids());
    {
        const tracer_of tracer(victim);
        BOOST_TEST_REQUIRE(tracer.exists());
        kill_process(victim);
        const auto death = death_of(std::move(task));
        BOOST_TEST(contains(death.what(), "does not let go of it"), death.what());
        BOOST_TEST(pool.apply(twice, 21) == 42);
    }
    BOOST_TEST(is_reaped_later(victim));
}

BOOST_AUTO_TEST_SUITE_END()
