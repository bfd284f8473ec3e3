// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What an error says about the worker that died: where it was, in which task, and of what. What it wrote
// before is in worker_stderr.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace fault;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#    define UNDER_A_SANITIZER
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#        define UNDER_A_SANITIZER
#    endif
#endif

namespace {

/// Sanitizers handle crashes themselves: they print a report of their own, and end the process.
#ifdef UNDER_A_SANITIZER
constexpr bool under_a_sanitizer = true;
#else
constexpr bool under_a_sanitizer = false;
#endif

volatile int one = 1;

// What tasks do. The results are used after the calls, so that none of these is a tail call.

__attribute__((noinline, no_sanitize("undefined"))) int write_to_null(int n) {
    static volatile int* volatile nothing = nullptr;
    *nothing = n;
    return n;
}
[[gnu::noinline]] int call_what_crashes(int n) {
    return write_to_null(n) + one;
}
[[gnu::noinline]] int abort_inside(int n) {
    if (n == one) {
        std::abort();
    }
    return n;
}
[[gnu::noinline]] int call_what_aborts(int n) {
    return abort_inside(n) + one;
}
[[gnu::noinline]] int recurse(int n) { // NOLINT: until the stack is used up
    volatile char frame[256];
    std::memset(const_cast<char*>(frame), n, sizeof frame);
    return n == -one ? n : recurse(n + 1) + frame[n % 256];
}
int recurse_for_ever(int n) {
    return recurse(n) + one;
}
[[gnu::noinline]] int crash_in_a_thread(int n) {
    int result = 0;
    std::thread([&] { result = call_what_aborts(n); }).join();
    return result;
}
/// Leads the one who reads the stack to where nothing is.
__attribute__((noinline, no_sanitize("address", "thread", "undefined"))) int
abort_with_a_damaged_frame(int n) {
    *static_cast<volatile std::uintptr_t*>(__builtin_frame_address(0)) = 0x10; // the caller's frame pointer
    std::raise(SIGABRT);
    return n;
}
[[maybe_unused]] int abort_on_a_damaged_stack(int n) {
    auto* const needs_frame_pointer = static_cast<volatile char*>(__builtin_alloca(static_cast<unsigned>(n)));
    needs_frame_pointer[0] = 'x';
    return abort_with_a_damaged_frame(n) + needs_frame_pointer[0];
}
int crash_in_a_forked_copy(int n) {
    const auto copy = ::fork();
    if (copy == 0) {
        std::abort();
    }
    int status = 0;
    ::waitpid(copy, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT ? n : -1;
}
int crash_in_a_copy_and_be_aborted(int n) {
    crash_in_a_forked_copy(n);
    std::signal(SIGABRT, SIG_DFL);
    std::raise(SIGABRT);
    return n;
}

int exit_with(int code) {
    std::fputs("leaving\n", stderr);
    std::_Exit(code);
}
int die_of(int signal) {
    std::raise(signal);
    return 0;
}
int dump_core(const std::string& folder) {
    std::filesystem::create_directory(folder);
    std::filesystem::current_path(folder);
    rlimit limit{};
    ::getrlimit(RLIMIT_CORE, &limit);
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    if (::setrlimit(RLIMIT_CORE, &unlimited) != 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_CORE, &limit);
    }
    std::raise(SIGQUIT);
    return 0;
}
int touch_and_die(std::size_t size) {
    const auto memory = std::make_unique<char[]>(size);
    for (std::size_t i = 0; i < size; i += 4096) {
        static_cast<volatile char*>(memory.get())[i] = 1;
    }
    return die_of(SIGKILL);
}
#ifndef __SANITIZE_THREAD__ // whose heap says nothing about it
int free_twice() {
    static void* volatile memory = std::malloc(100);
    std::free(memory);
    std::free(memory);
    return one;
}
#endif

/// The task's worker dies in `inner`, called by `outer`; where that can be told it must be.
void check_trace(const mp::worker_died& death, const std::string& inner, const std::string& outer) {
    BOOST_TEST_CONTEXT(death.what()) {
        const auto lines = lines_of(death.details().stack_trace);
        const auto line_of = [&](const std::string& function) {
            return std::ranges::find_if(lines, [&](const auto& line) { return contains(line, function); });
        };
        BOOST_TEST_REQUIRE((line_of(inner) != lines.end()));
        BOOST_TEST((line_of(inner) < line_of(outer)));
        BOOST_TEST((line_of(outer) != lines.end()));
        BOOST_TEST(contains(*line_of(inner), " at fault_tests+0x"));
        BOOST_TEST(!contains(death.details().stack_trace, "on_fatal_signal"));
        BOOST_TEST(!contains(death.details().stack_trace, "run_to_outcome"));
        BOOST_TEST(contains(death.what(), "\n  stack:\n    "));
        BOOST_TEST(contains(death.what(), "\n    " + *line_of(inner)));
    }
}

/// Exit codes of the experiments, which run in processes of their own.
enum verdict { as_promised = 0, wrong_value = 3, wrong_text = 4, outlived = 6 };

/// A memory control group below this process's own, where the system lets us have one.
class small_group {
public:
    static constexpr std::size_t limit = std::size_t{256} << 20;

    small_group() {
        std::ifstream groups("/proc/self/cgroup");
        for (std::string line; std::getline(groups, line);) {
            const auto path = line.substr(line.rfind(':') + 1);
            if (contains(line, ":memory:")) {
                make("/sys/fs/cgroup/memory" + path, "memory.limit_in_bytes");
            } else if (line.starts_with("0::") && path_.empty()) {
                make("/sys/fs/cgroup" + path, "memory.max");
            }
        }
    }
    ~small_group() {
        std::error_code failure;
        // The last process leaves a moment after it was reaped.
        eventually([&] { return path_.empty() || std::filesystem::remove(path_, failure); });
    }
    small_group(const small_group&) = delete;
    small_group& operator=(const small_group&) = delete;

    /// Empty where the system does not let us.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    void make(const std::string& parent, const char* limit_file) {
        const auto path = parent + "/multiprocessing-fault-" + std::to_string(::getpid());
        std::error_code failure;
        if (!std::filesystem::create_directory(path, failure) || failure) {
            return;
        }
        std::ofstream file(path + "/" + limit_file, std::ios::in);
        if (file << limit << std::flush) {
            path_ = path;
        } else {
            std::filesystem::remove(path, failure);
        }
    }

    std::string path_;
};

/// In the group a task uses more memory than that may; without one, it is killed by somebody else.
void be_killed_for_want_of_memory(const std::string& group) {
    if (!group.empty() && !(std::ofstream(group + "/cgroup.procs") << ::getpid() << std::flush)) {
        ::_exit(wrong_value);
    }
    mp::pool pool(1);
    try {
        pool.apply(touch_and_die, group.empty() ? 1'000 : 4 * small_group::limit);
        ::_exit(outlived);
    } catch (const mp::worker_died& e) {
        const bool told = contains(e.what(), "(the kernel's out-of-memory killer, most likely: ");
        std::fprintf(stderr, "%s\n", e.what());
        ::_exit(e.details().out_of_memory == !group.empty() && told == !group.empty() ? as_promised
                                                                                      : wrong_text);
    }
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(diagnosis, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_crash_names_the_function_and_its_caller) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(call_what_crashes, 5));
    if (under_a_sanitizer) {
        BOOST_TEST(contains(death.details().last_output, "SEGV"), death.what());
        BOOST_TEST(death.details().stack_trace == "");
    } else {
        BOOST_TEST((death.signal() == SIGSEGV));
        check_trace(death, "(anonymous namespace)::write_to_null",
                    "(anonymous namespace)::call_what_crashes");
    }
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

BOOST_AUTO_TEST_CASE(an_abort_names_the_function_and_its_caller) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(call_what_aborts, 1));
    BOOST_TEST((death.signal() == SIGABRT));
    check_trace(death, "(anonymous namespace)::abort_inside", "(anonymous namespace)::call_what_aborts");
}

BOOST_AUTO_TEST_CASE(a_crash_in_another_thread_names_its_functions) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(crash_in_a_thread, 1));
    BOOST_TEST((death.signal() == SIGABRT));
    check_trace(death, "(anonymous namespace)::abort_inside", "(anonymous namespace)::call_what_aborts");
}

BOOST_AUTO_TEST_CASE(a_recursion_without_end_has_a_trace_with_an_end) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(recurse_for_ever, 1));
    if (under_a_sanitizer) {
        BOOST_TEST(contains(death.details().last_output, "recurse"), death.what());
    } else {
        BOOST_TEST((death.signal() == SIGSEGV));
        BOOST_TEST(contains(death.details().stack_trace, "(anonymous namespace)::recurse at"), death.what());
        BOOST_TEST(lines_of(death.details().stack_trace).size() <= 64U);
    }
    BOOST_TEST(pool.apply(twice, 21) == 42);
}

#ifndef __SANITIZE_THREAD__ // which reads the stack at each call
BOOST_AUTO_TEST_CASE(a_stack_that_cannot_be_read_changes_nothing_about_the_death) {
#    ifdef __clang__ // whose frame pointer leads past the innermost function, to the one that has called it
    const std::string innermost = "_a_damaged_";
#    else
    const std::string innermost = "abort_with_a_damaged_frame";
#    endif
    mp::pool pool(1);
    for (int round = 0; round != 5; ++round) {
        const auto death = death_of(pool.apply_async(abort_on_a_damaged_stack, 100));
        BOOST_TEST((death.signal() == SIGABRT), death.what());
        BOOST_TEST(contains(death.details().stack_trace, innermost), death.what());
    }
}
#endif

BOOST_AUTO_TEST_CASE(a_forked_copy_of_a_worker_that_crashes_says_nothing_of_the_worker) {
    mp::pool pool(1);
    BOOST_TEST(pool.apply(crash_in_a_forked_copy, 5) == 5);
    const auto death = death_of(pool.apply_async(crash_in_a_copy_and_be_aborted, 1));
    BOOST_TEST((death.signal() == SIGABRT));
    BOOST_TEST(death.details().stack_trace == "");
}

BOOST_AUTO_TEST_CASE(the_task_and_its_function_are_told) {
    mp::pool pool(1);
    pool.apply(twice, 1);
    const auto death = death_of(pool.apply_async(exit_with, 3));
    BOOST_TEST(death.details().task == 2U);
    BOOST_TEST(death.details().function == "(anonymous namespace)::exit_with");
    BOOST_TEST(death.details().last_output == "leaving\n");
    BOOST_TEST(death.details().stack_trace == "");
    BOOST_TEST(!death.details().out_of_memory);
    const auto lines = lines_of(death.what());
    BOOST_TEST_REQUIRE(lines.size() == 4U, death.what());
    BOOST_TEST(lines[0] == "worker " + std::to_string(death.pid()) +
                               " exited with code 3 while running (anonymous namespace)::exit_with");
    BOOST_TEST(lines[1].starts_with("  task 2"));
    BOOST_TEST(lines[2] == "  last lines that the worker wrote to stderr:");
    BOOST_TEST(lines[3] == "    leaving");
}

BOOST_AUTO_TEST_CASE(an_error_from_a_pool_inside_a_worker_arrives_with_its_details) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async([] {
        mp::pool inner(1);
        return inner.apply(exit_with, 3);
    }));
    BOOST_TEST(death.exit_code() == 3);
    BOOST_TEST(death.details().task == 1U);
    BOOST_TEST(death.details().last_output == "leaving\n");
    BOOST_TEST(contains(death.what(), "\n    leaving"), death.what());
}

BOOST_AUTO_TEST_CASE(a_core_that_was_dumped_is_told) {
    std::string pattern;
    std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
    const scratch_file folder;
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(dump_core, folder.path()));
    BOOST_TEST((death.signal() == SIGQUIT));
    if (pattern.find_first_of("|/") == std::string::npos) { // it goes into the folder, where there may be one
        BOOST_TEST(death.details().core_dumped == !std::filesystem::is_empty(folder.path()));
    }
    BOOST_TEST(contains(death.what(), "core dumped") == death.details().core_dumped, death.what());
    BOOST_TEST(!death_of(pool.apply_async(die_of, SIGKILL)).details().core_dumped);
    std::filesystem::remove_all(folder.path());
}

BOOST_AUTO_TEST_CASE(the_peak_memory_is_not_what_the_parent_once_had) {
    mp::process parent([] {
        constexpr std::size_t size = 300 << 20;
        std::vector<char>(size, 'x').clear(); // given back to the system
        const auto death = death_of(mp::pool(1).apply_async([] { std::raise(SIGKILL); }));
        std::exit(death.details().peak_memory.value_or(0) < size ? 0 : 1);
    });
    parent.start();
    BOOST_TEST_REQUIRE(parent.join_for(hang_limit));
    BOOST_TEST(parent.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(the_peak_memory_is_told) {
    // A child begins in its parent's memory: only more than that is its own.
    rusage own{};
    ::getrusage(RUSAGE_SELF, &own);
    const auto size = static_cast<std::size_t>(own.ru_maxrss) * 1024 + (std::size_t{100} << 20);
    mp::pool pool(1);
    const auto small = death_of(pool.apply_async(touch_and_die, std::size_t{1}));
    const auto large = death_of(pool.apply_async(touch_and_die, size));
    BOOST_TEST_REQUIRE(large.details().peak_memory.has_value());
    BOOST_TEST(*large.details().peak_memory > size);
    BOOST_TEST(small.details().peak_memory.value_or(0) < *large.details().peak_memory);
    BOOST_TEST(contains(large.what(), ", peak memory "), large.what());
}

BOOST_AUTO_TEST_CASE(a_worker_that_was_killed_is_not_said_to_lack_memory) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(die_of, SIGKILL));
    BOOST_TEST(!death.details().out_of_memory);
    BOOST_TEST(contains(death.what(), "was killed by SIGKILL while running"), death.what());
}

BOOST_AUTO_TEST_CASE(a_worker_killed_for_want_of_memory_is_told_from_one_killed_by_somebody) {
    const small_group group; // none, where the system does not let us: then it must not be told
    for (const auto& path : {group.path(), std::string()}) {
        mp::process child(be_killed_for_want_of_memory, path);
        child.start();
        BOOST_TEST_REQUIRE(child.join_for(hang_limit));
        BOOST_TEST(child.exit_code().value() == as_promised);
    }
}

#ifndef __SANITIZE_THREAD__
BOOST_AUTO_TEST_CASE(what_the_c_library_says_about_a_double_free_is_told) {
    mp::pool pool(1);
    const auto death = death_of(pool.apply_async(free_twice));
    BOOST_TEST(contains(death.details().last_output, under_a_sanitizer ? "Sanitizer" : "free"), death.what());
    BOOST_TEST(contains(death.what(), "\n  last lines that the worker wrote to stderr:\n    "), death.what());
}
#endif

BOOST_AUTO_TEST_SUITE_END()
