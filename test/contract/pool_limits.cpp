// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include <multiprocessing/error.hpp>

#include "support/gate.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

// What the workers of a pool have of their own: limits, niceness, CPUs, directory, environment.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using soft_and_hard = std::pair<std::size_t, std::size_t>;
soft_and_hard limits_of(int resource) {
    rlimit found{};
    ::getrlimit(static_cast<decltype(RLIMIT_AS)>(resource), &found);
    return {found.rlim_cur, found.rlim_max};
}
int niceness() {
    return ::getpriority(PRIO_PROCESS, 0);
}
std::string directory() {
    return std::filesystem::current_path();
}
std::string variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value != nullptr ? value : "not set";
}

std::vector<int> cpus_of(long pid) {
    std::vector<int> cpus;
    cpu_set_t mask;
    BOOST_TEST_REQUIRE(::sched_getaffinity(static_cast<pid_t>(pid), sizeof mask, &mask) == 0);
    for (int cpu = 0; cpu != CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &mask)) {
            cpus.push_back(cpu);
        }
    }
    return cpus;
}
/// How many workers are bound to each CPU.
std::map<int, int> bound_to_cpus(const mp::pool& pool) {
    std::map<int, int> workers;
    for (const long pid : pool.pids()) {
        const auto cpus = cpus_of(pid);
        BOOST_TEST(cpus.size() == 1U);
        ++workers[cpus.front()];
    }
    return workers;
}

mp::start_failed failure_of(const mp::pool_options& options) {
    try {
        const mp::pool pool(options);
    } catch (const mp::start_failed& e) {
        return e;
    }
    BOOST_FAIL("it started");
    throw;
}
bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(pool_limits, leaves_nothing)

// limits

BOOST_AUTO_TEST_CASE(each_limit_is_the_workers) {
#ifdef __SANITIZE_THREAD__ // which runs with nothing less
    constexpr std::size_t much = RLIM_INFINITY;
#else
    constexpr std::size_t much = std::size_t{100} << 40; // the address sanitizer takes a fifth of it
#endif
    mp::pool p(
        {.processes = 1,
         .limits = {
             .address_space = much, .data = much - 1, .open_files = 100, .core_size = 0, .cpu_time = 1000s}});
    BOOST_TEST((p.apply(limits_of, RLIMIT_AS) == soft_and_hard(much, much)));
    BOOST_TEST((p.apply(limits_of, RLIMIT_DATA) == soft_and_hard(much - 1, much - 1)));
    BOOST_TEST((p.apply(limits_of, RLIMIT_NOFILE) == soft_and_hard(100, 100)));
    BOOST_TEST((p.apply(limits_of, RLIMIT_CORE) == soft_and_hard(0, 0)));
    BOOST_TEST(
        (p.apply(limits_of, RLIMIT_CPU) == soft_and_hard(1000, 1001))); // first the signal, then the end
}

BOOST_AUTO_TEST_CASE(without_limits_workers_have_those_of_the_parent) {
    mp::pool p({.processes = 1});
    for (const int resource : {RLIMIT_AS, RLIMIT_DATA, RLIMIT_NOFILE, RLIMIT_CPU}) {
        BOOST_TEST((p.apply(limits_of, resource) == limits_of(resource)));
    }
    BOOST_TEST(p.apply(limits_of, RLIMIT_CORE).second == limits_of(RLIMIT_CORE).second);
}

BOOST_AUTO_TEST_CASE(limits_are_not_the_parents) {
    const auto before = limits_of(RLIMIT_NOFILE);
    const mp::pool p({.processes = 1, .limits = {.open_files = 100}});
    BOOST_TEST((limits_of(RLIMIT_NOFILE) == before));
}

BOOST_AUTO_TEST_CASE(workers_that_are_started_later_have_the_same_limits) {
    mp::pool p({.processes = 1, .max_tasks_per_child = 1, .limits = {.open_files = 100}});
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST((p.apply(limits_of, RLIMIT_NOFILE) == soft_and_hard(100, 100)));
    }
}

BOOST_AUTO_TEST_CASE(a_negative_cpu_time_is_invalid) {
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .limits = {.cpu_time = -1s}}), std::invalid_argument);
}

// niceness

BOOST_AUTO_TEST_CASE(niceness_is_added_to_the_parents) {
    mp::pool p({.processes = 1, .niceness = 3});
    BOOST_TEST(p.apply(niceness) == std::min(niceness() + 3, 19));
}

BOOST_AUTO_TEST_CASE(niceness_has_the_bounds_of_the_system) {
    mp::pool p({.processes = 1, .niceness = std::numeric_limits<int>::max()});
    BOOST_TEST(p.apply(niceness) == 19);
}

BOOST_AUTO_TEST_CASE(without_niceness_workers_have_that_of_the_parent) {
    mp::pool p({.processes = 1});
    BOOST_TEST(p.apply(niceness) == niceness());
}

// affinity

BOOST_AUTO_TEST_CASE(workers_are_bound_to_the_cpus_in_turn) {
    const auto cpus = cpus_of(::getpid());
    const mp::pool p({.processes = 2 * cpus.size(), .affinity = mp::cpu_affinity::round_robin});
    std::map<int, int> expected;
    for (const int cpu : cpus) {
        expected[cpu] = 2;
    }
    BOOST_TEST((bound_to_cpus(p) == expected));
}

BOOST_AUTO_TEST_CASE(a_worker_that_replaces_another_gets_its_cpu) {
    const auto cpus = cpus_of(::getpid());
    mp::pool p({.processes = cpus.size(), .affinity = mp::cpu_affinity::round_robin});
    const auto before = bound_to_cpus(p);
    for (int i = 0; i != 5; ++i) {
        BOOST_CHECK_THROW(p.apply([] { std::exit(1); }), mp::worker_died);
        // All are there again when all run a task at once.
        gate g;
        std::vector<mp::future<int>> tasks;
        for (std::size_t n = 0; n != cpus.size(); ++n) {
            tasks.push_back(p.apply_async(pass_gate, g, 0));
        }
        for (std::size_t n = 0; n != cpus.size(); ++n) {
            g.wait_for_task();
        }
        BOOST_TEST((bound_to_cpus(p) == before));
        g.open(static_cast<int>(cpus.size()));
        mp::wait_all(tasks);
    }
}

BOOST_AUTO_TEST_CASE(workers_that_are_not_bound_have_the_cpus_of_the_parent) {
    const mp::pool p({.processes = 2});
    for (const long pid : p.pids()) {
        BOOST_TEST(cpus_of(pid) == cpus_of(::getpid()), boost::test_tools::per_element());
    }
}

// working_directory

BOOST_AUTO_TEST_CASE(workers_have_a_directory_of_their_own) {
    const auto before = directory();
    mp::pool p({.processes = 1, .max_tasks_per_child = 1, .working_directory = "/usr"});
    BOOST_TEST(p.apply(directory) == "/usr");
    BOOST_TEST(p.apply(directory) == "/usr"); // another worker
    BOOST_TEST(directory() == before);
}

BOOST_AUTO_TEST_CASE(a_relative_directory_is_relative_to_the_parents) {
    mp::pool p({.processes = 1, .working_directory = ".."});
    BOOST_TEST(p.apply(directory) == std::filesystem::current_path().parent_path());
}

BOOST_AUTO_TEST_CASE(without_a_directory_workers_have_that_of_the_parent) {
    mp::pool p({.processes = 1});
    BOOST_TEST(p.apply(directory) == directory());
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_missing_is_a_start_failure) {
    const auto failure = failure_of({.processes = 2, .working_directory = "/no such directory"});
    BOOST_TEST((failure.code() == std::errc::no_such_file_or_directory));
    const std::string what = failure.what();
    BOOST_TEST(contains(what, "working directory /no such directory"), what);
    BOOST_TEST(contains(what, failure.code().message()), what);
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_a_file_is_a_start_failure) {
    const auto failure = failure_of({.processes = 1, .working_directory = "/proc/self/exe"});
    BOOST_TEST((failure.code() == std::errc::not_a_directory));
}

BOOST_AUTO_TEST_CASE(a_directory_with_a_null_character_is_invalid) {
    BOOST_CHECK_THROW(mp::pool({.processes = 1, .working_directory = std::string("/usr\0/x", 7)}),
                      std::invalid_argument);
}

// environment

BOOST_AUTO_TEST_CASE(variables_are_set_in_addition) {
    mp::pool p({.processes = 1,
                .max_tasks_per_child = 1,
                .environment = {{"MULTIPROCESSING_TEST", "a = b"}, {"MULTIPROCESSING_TEST_2", ""}}});
    for (int i = 0; i != 2; ++i) { // each in another worker
        BOOST_TEST(p.apply(variable, "MULTIPROCESSING_TEST") == "a = b");
    }
    BOOST_TEST(p.apply(variable, "MULTIPROCESSING_TEST_2") == "");
    BOOST_TEST(p.apply(variable, "PATH") == variable("PATH"));
    BOOST_TEST(variable("MULTIPROCESSING_TEST") == "not set");
}

BOOST_AUTO_TEST_CASE(variables_replace_those_of_the_parent) {
    const auto before = variable("PATH");
    mp::pool p({.processes = 1, .environment = {{"PATH", "/nowhere"}}});
    BOOST_TEST(p.apply(variable, "PATH") == "/nowhere");
    BOOST_TEST(variable("PATH") == before);
}

BOOST_AUTO_TEST_CASE(a_variable_of_the_librarys_own_changes_nothing) {
    mp::pool p({.processes = 1, .environment = {{"MULTIPROCESSING_HANDOVER", "0"}}});
    BOOST_TEST(p.apply(variable, "MULTIPROCESSING_HANDOVER") == "not set");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_a_variable_is_invalid) {
    const std::string null(1, '\0');
    for (const auto& [name, value] :
         {std::pair<std::string, std::string>{"", "x"}, {"a=b", "x"}, {"a" + null, "x"}, {"a", "x" + null}}) {
        BOOST_CHECK_THROW(mp::pool({.processes = 1, .environment = {{name, value}}}), std::invalid_argument);
    }
}

BOOST_AUTO_TEST_SUITE_END()
