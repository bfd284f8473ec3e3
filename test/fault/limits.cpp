// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Workers that meet their limits: one task fails and says so, or the pool is not made.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/limited.hpp"

#include <csignal>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace fault;

namespace {

constexpr std::size_t little = 20 << 20;
constexpr std::size_t much = 40 << 20;

std::size_t size_of(const std::vector<char>& data) {
    return data.size();
}
/// Leaves too little to encode the result.
std::vector<char> make_and_leave_little() {
    std::vector<char> result(much);
    leave_no_more_than(little);
    return result;
}
/// As C programs do which do not expect that.
char ignore_that_there_is_none() {
    leave_no_more_than(little);
    auto* memory = static_cast<volatile char*>(std::malloc(much));
    memory[0] = 'x';
    return memory[0];
}
void be_busy() {
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
int open_until_it_fails() {
    while (::dup(0) >= 0) {
    }
    return errno;
}

template <class F, class... Args>
std::string error_of(mp::pool& pool, const F& f, const Args&... args) {
    try {
        pool.apply(f, args...);
    } catch (const mp::worker_died& e) {
        return e.what();
    }
    return "a value";
}
std::string needed_more_than_its_limit() {
    return "it needed more memory than its limit of " + std::to_string(memory_limit) + " bytes";
}

/// Exit codes of what a process without privileges tries.
enum verdict { as_promised = 0, started_all_the_same = 2, other_error = 3 };

/// No capability counts from here on, in this thread. It cannot stop the others any more, so a leak checker
/// cannot look at them: such a process has to leave by `_exit`.
void drop_privileges() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2]{};
    ::syscall(SYS_capset, &header, none);
}
void try_without_privileges(const mp::pool_options& options, const std::string& setting) {
    drop_privileges();
    try {
        const mp::pool pool(options);
    } catch (const mp::start_failed& e) {
        const bool refused =
            e.code() == std::errc::operation_not_permitted || e.code() == std::errc::permission_denied;
        ::_exit(refused && contains(e.what(), setting) ? as_promised : other_error);
    }
    ::_exit(started_all_the_same);
}
void have_less_niceness() {
    try_without_privileges({.processes = 1, .niceness = -1}, "niceness");
}
void have_more_than_the_parent_may() {
    const rlimit few{100, 100};
    ::setrlimit(RLIMIT_NOFILE, &few);
    try_without_privileges({.processes = 1, .limits = {.open_files = 101}}, "open files to 101");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(limits, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_worker_that_needs_more_than_its_address_space_fails_its_task_and_no_other) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    const auto pid = pool.apply(own_pid);
    auto before = pool.apply_async(twice, 1);
    auto doomed = pool.apply_async(need_too_much);
    auto after = pool.apply_async(twice, 2);
    const auto death = death_of(std::move(doomed));
    BOOST_TEST(death.pid() == pid);
    BOOST_TEST(std::string(death.what())
                   .starts_with("worker " + std::to_string(pid) + " exited with code " +
                                std::to_string(death.exit_code()) + " (" + needed_more_than_its_limit() +
                                ") while running fault::need_too_much" + "\n"),
               death.what());
    BOOST_TEST(before.get() == 2);
    BOOST_TEST(after.get() == 4);
    BOOST_TEST(pool.stats().failed == 1U);
}

BOOST_AUTO_TEST_CASE(a_worker_that_needs_more_than_its_data_says_so) {
    mp::pool pool({.processes = 1, .limits = {.data = memory_limit}});
    const auto error = error_of(pool, need_too_much);
    BOOST_TEST(contains(error, needed_more_than_its_limit()), error);
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(with_two_limits_of_memory_both_are_named) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit, .data = memory_limit - 1}});
    const auto error = error_of(pool, need_too_much);
    BOOST_TEST(contains(error, "its limits of " + std::to_string(memory_limit) +
                                   " bytes of address space and " + std::to_string(memory_limit - 1) +
                                   " bytes of data"),
               error);
}

BOOST_AUTO_TEST_CASE(a_worker_without_limits_has_no_handler_of_ours) {
    mp::pool pool(1);
    BOOST_TEST(pool.apply([] { return std::get_new_handler() == nullptr; }));
}

BOOST_AUTO_TEST_CASE(an_argument_that_does_not_fit_into_the_limit_ends_the_worker) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    pool.apply(leave_no_more_than, little);
    const auto error = error_of(pool, size_of, std::vector<char>(much));
    BOOST_TEST(contains(error, needed_more_than_its_limit()), error);
    BOOST_TEST(contains(error, "::size_of"), error);
    BOOST_TEST(pool.apply(size_of, std::vector<char>(much)) == much); // in another
}

BOOST_AUTO_TEST_CASE(a_result_that_does_not_fit_into_the_limit_ends_the_worker) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    const auto error = error_of(pool, make_and_leave_little);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    // Their heaps end the process when there is nothing left.
    BOOST_TEST(contains(error, "its address space is limited"), error);
#else
    BOOST_TEST(contains(error, needed_more_than_its_limit()), error);
#endif
}

BOOST_AUTO_TEST_CASE(a_crash_for_lack_of_memory_mentions_the_limit) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    const auto error = error_of(pool, ignore_that_there_is_none);
    BOOST_TEST(
        contains(error, "(its address space is limited to " + std::to_string(memory_limit) + " bytes)"),
        error);
}

BOOST_AUTO_TEST_CASE(a_worker_that_leaves_by_itself_is_not_said_to_lack_memory) {
    mp::pool pool({.processes = 1, .limits = {.address_space = memory_limit}});
    for (const int signal : {SIGKILL, SIGTERM}) {
        const auto error = error_of(
            pool, [](int number) { std::raise(number); }, signal);
        BOOST_TEST(!contains(error, "bytes"), error);
    }
}

BOOST_AUTO_TEST_CASE(a_worker_over_its_cpu_time_says_so) {
    mp::pool pool({.processes = 1, .limits = {.cpu_time = 1s}});
    const auto death = death_of(pool.apply_async(be_busy));
    BOOST_TEST((death.signal() == SIGXCPU));
    BOOST_TEST(contains(death.what(), "was killed by SIGXCPU (it used more CPU time than its limit of 1 s)"),
               death.what());
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(too_many_open_files_are_the_tasks_own_error) {
    mp::pool pool({.processes = 1, .limits = {.open_files = 30}});
    const auto pid = pool.apply(own_pid);
    BOOST_TEST(pool.apply(open_until_it_fails) == EMFILE);
    BOOST_TEST(pool.apply(own_pid) == pid);
}

BOOST_AUTO_TEST_CASE(workers_that_cannot_start_within_their_limits_name_them) {
    for (const auto& [limits, what] :
         {std::pair<mp::worker_limits, std::string>{{.open_files = 3}, "its open files are limited to 3"},
          {{.address_space = 8 << 20}, "its address space is limited to 8388608 bytes"},
          {{.data = 1}, "its data is limited to 1 bytes"}}) {
        mp::pool pool({.processes = 1, .limits = limits});
        const auto error = error_of(pool, twice, 1);
        BOOST_TEST(contains(error, "no worker can be started"), error);
        BOOST_TEST(contains(error, what), error);
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_permitted_is_a_start_failure) {
    for (const auto attempt : {have_less_niceness, have_more_than_the_parent_may}) {
        mp::process child(attempt);
        child.start();
        BOOST_TEST_REQUIRE(child.join_for(hang_limit));
        BOOST_TEST(child.exit_code().value() == as_promised);
    }
}

BOOST_AUTO_TEST_SUITE_END()
