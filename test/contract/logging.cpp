// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/log.hpp>

#include "support/captured_stderr.hpp"
#include "support/fault.hpp"
#include "support/start_methods.hpp"

#include <multiprocessing.hpp>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

// Lines about what processes do.

namespace mp = multiprocessing;

namespace {

/// Fixture: afterwards nothing is logged any more.
class leaves_no_log : public leaves_nothing_but_the_server {
public:
    ~leaves_no_log() { mp::log_to_stderr(mp::log_level::off); }
};

constexpr int many_lines = 200;

void log_one(const std::string& text) {
    mp::log(mp::log_level::info, text);
}
void log_many(const std::string& text) {
    for (int i = 0; i != many_lines; ++i) {
        mp::log(mp::log_level::error, text);
    }
}
void die() {
    std::raise(SIGKILL);
}
/// Of this process, as debuggers show them.
std::multiset<std::string> names_of_threads() {
    std::multiset<std::string> names;
    for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::getline(std::ifstream(thread.path() / "comm"), name);
        names.insert(name);
    }
    return names;
}
/// Besides the one that runs tasks: of a worker that calls an actor, and has a task that can be stopped.
const std::set<std::string> names_of_workers_threads{"mp-actor-link", "mp-lifeline", "mp-stop"};
struct counting {
    int count = 0;
    int next() { return ++count; }
};
/// A thread listens for what the token tells, and one for the actor. They name themselves once they run.
std::multiset<std::string> names_beside_an_actor(const std::stop_token&, mp::actor<counting> actor) {
    actor.call(&counting::next).get();
    // A thread has its maker's name until it has set its own; a sanitizer's keeps it.
    fault::eventually([] {
        const auto names = names_of_threads();
        return std::ranges::all_of(names_of_workers_threads,
                                   [&](const auto& each) { return names.contains(each); });
    });
    return names_of_threads();
}
void log_from_grandchild() {
    mp::process grandchild({.name = "grandchild"}, log_one, "far away");
    grandchild.start();
    grandchild.join();
}
long run_process(const mp::process_options& options, const std::string& text) {
    mp::process child(options, log_one, text);
    child.start();
    child.join();
    return child.pid();
}
std::string line(const char* level, const std::string& process, long pid, const std::string& text) {
    return "[" + std::string(level) + " " + process + " " + std::to_string(pid) + "] " + text;
}
bool has(const std::vector<std::string>& lines, const std::string& wanted) {
    return std::ranges::find(lines, wanted) != lines.end();
}

/// What this process logs, for as long as the level is set.
class collected {
public:
    explicit collected(mp::log_level least) {
        mp::set_log_sink([this](const mp::log_record& record) {
            const std::lock_guard lock(mutex_);
            lines_.push_back(line(std::string(mp::to_string(record.level)).c_str(),
                                  std::string(record.process), record.pid, std::string(record.text)));
        });
        mp::set_log_level(least);
    }
    [[nodiscard]] std::vector<std::string> lines() {
        mp::log_to_stderr(mp::log_level::off);
        const std::lock_guard lock(mutex_);
        return lines_;
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

/// Starts this program anew with that in its environment, which says that nothing but a bad test case is to
/// be run; its stderr.
std::string stderr_of_a_program_with(const std::string& wanted) {
    captured_stderr seen;
    const auto child = ::fork();
    if (child == 0) {
        ::setenv("MULTIPROCESSING_LOG", wanted.c_str(), 1);
        ::execl("/proc/self/exe", "contract_tests",
                "--run_test=logging/what_a_program_with_the_variable_does", "--log_level=nothing",
                "--report_level=no", nullptr);
        ::_exit(1);
    }
    ::waitpid(child, nullptr, 0);
    return seen.text();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(logging, leaves_no_log)

BOOST_AUTO_TEST_CASE(is_off_at_first) {
    captured_stderr seen;
    BOOST_TEST((mp::get_log_level() == mp::log_level::off));
    BOOST_TEST(!mp::is_logged(mp::log_level::error));
    BOOST_TEST(!mp::is_logged(mp::log_level::off));
    mp::log(mp::log_level::error, "unheard");
    run_process({}, "unheard");
    BOOST_TEST(seen.text() == "");
}

BOOST_AUTO_TEST_CASE(from_a_level_on) {
    captured_stderr seen;
    mp::log_to_stderr(mp::log_level::warning);
    mp::log(mp::log_level::info, "too little");
    mp::log(mp::log_level::warning, "enough");
    mp::log(mp::log_level::error, "more than enough");
    mp::log(mp::log_level::off, "no level");
    const auto self = ::getpid();
    BOOST_TEST(seen.text() ==
               line("warning", "main", self, "enough\n") + line("error", "main", self, "more than enough\n"));
}

BOOST_DATA_TEST_CASE(children_inherit_the_level, each_start_method, method) {
    const by_default start_method(method);
    captured_stderr seen;
    mp::log_to_stderr();
    mp::process child({.name = "child"}, log_one, "here");
    child.start();
    child.join();
    mp::process parent({.name = "parent"}, log_from_grandchild);
    parent.start();
    parent.join();
    const auto text = seen.text();
    const auto lines = fault::lines_of(text);
    BOOST_TEST(has(lines, line("info", "child", child.pid(), "here")), text);
    BOOST_TEST(has(lines, line("info", "main", ::getpid(),
                               "started process child (" + std::to_string(child.pid()) + ")")),
               text);
    BOOST_TEST(fault::contains(text, "[info grandchild "), text);
    BOOST_TEST(fault::contains(text, "] far away\n"), text);
}

BOOST_DATA_TEST_CASE(lines_of_processes_and_threads_are_not_mixed, each_start_method, method) {
    captured_stderr seen;
    mp::log_to_stderr(mp::log_level::warning);
    const std::string text(100, 'x');
    {
        mp::pool pool({.processes = 3, .start_method = method});
        mp::process child({.start_method = method}, log_many, text);
        child.start();
        std::vector<mp::future<void>> tasks;
        for (int i = 0; i != 3; ++i) {
            tasks.push_back(pool.apply_async(log_many, text));
        }
        std::thread thread([&] { log_many(text); });
        log_many(text);
        thread.join();
        mp::wait_all(tasks);
        child.join();
    }
    const auto lines = fault::lines_of(seen.text());
    BOOST_TEST(lines.size() == std::size_t{6 * many_lines});
    for (const auto& each : lines) {
        BOOST_TEST_REQUIRE((each.starts_with("[error ") && each.ends_with("] " + text)), each);
    }
}

BOOST_AUTO_TEST_CASE(the_library_tells_what_it_does) {
    collected log(mp::log_level::info);
    long dead = 0;
    {
        mp::pool pool(1);
        dead = pool.pids().at(0);
        BOOST_CHECK_THROW(pool.apply(die), mp::worker_died);
        pool.apply(fault::own_pid);
        pool.close();
        pool.join();
    }
    mp::process forked({.start_method = mp::start_method::forkserver}, [] {});
    forked.start();
    forked.join();
    const auto lines = log.lines();
    const auto told = [&](const std::string& part) {
        return std::ranges::count_if(lines, [&](const auto& each) { return fault::contains(each, part); });
    };
    BOOST_TEST(told("started process worker-") == 2);
    BOOST_TEST(told("worker " + std::to_string(dead) + " was killed by SIGKILL") == 1);
    BOOST_TEST(told("a pool is closed") == 1);
    BOOST_TEST(told("started the fork server (") == 1);
}

BOOST_DATA_TEST_CASE(lines_of_a_worker_tell_its_task, each_start_method, method) {
    captured_stderr seen;
    mp::log_to_stderr();
    long worker = 0;
    {
        mp::pool pool({.processes = 1, .start_method = method, .worker_name = "logger"});
        pool.initializer(log_one, "no task");
        worker = pool.pids().at(0);
        pool.apply(fault::own_pid);
        pool.apply(log_one, "the second");
    }
    const auto text = seen.text();
    const auto lines = fault::lines_of(text);
    const auto tagged = "[info logger " + std::to_string(worker);
    BOOST_TEST(has(lines, tagged + "] no task"), text);
    BOOST_TEST(has(lines, tagged + " task 2] the second"), text);
}

BOOST_DATA_TEST_CASE(what_a_task_starts_is_not_the_task, each_start_method, method) {
    captured_stderr seen;
    mp::log_to_stderr();
    long child = 0;
    {
        mp::pool pool(1);
        child = pool.apply(
            [](mp::start_method how) {
                return run_process({.name = "child", .start_method = how}, "from a child");
            },
            method);
    }
    const auto text = seen.text();
    BOOST_TEST(has(fault::lines_of(text), line("info", "child", child, "from a child")), text);
}

BOOST_AUTO_TEST_CASE(each_event_of_a_task_is_a_line) {
    const captured_stderr of_the_worker;
    collected log(mp::log_level::debug);
    {
        mp::pool pool({.processes = 1, .retry_back_off = std::chrono::milliseconds(1)});
        BOOST_CHECK_THROW(pool.apply({.max_retries = 1}, die), mp::worker_died);
        pool.apply(fault::own_pid);
        pool.close();
        pool.join();
    }
    const mp::queue<int> queue(1);
    const auto lines = log.lines();
    const auto told = [&](const std::string& part) {
        return std::ranges::count_if(lines, [&](const auto& each) { return fault::contains(each, part); });
    };
    BOOST_TEST(told("makes a pool, processes: 1") == 1);
    BOOST_TEST(told("is ready") == 3);
    BOOST_TEST(told("die) is queued") == 1);
    BOOST_TEST(told("die) is sent to worker ") == 2);
    BOOST_TEST(told("die) is tried again: attempt 2 in 1 ms") == 1);
    BOOST_TEST(told("die) failed: worker ") == 1);
    BOOST_TEST(told("task 2 (fault::own_pid) is done") == 1);
    BOOST_TEST(told("-queue in shared memory") == 1);
}

BOOST_AUTO_TEST_CASE(threads_and_processes_have_names) {
    mp::pool pool({.processes = 1, .worker_name = "named"});
    mp::actor<counting> actor;
    const auto there = pool.apply(names_beside_an_actor, actor);
    auto names = std::set<std::string>(there.begin(), there.end());
    BOOST_TEST(names.erase("named") == 1U);
    BOOST_TEST(names == names_of_workers_threads, boost::test_tools::per_element());
    BOOST_TEST(fault::eventually([] {
        const auto here = names_of_threads();
        return here.count("mp-supervisor") == 2 && here.count("mp-actor-server") == 1;
    }));
}

BOOST_DATA_TEST_CASE(a_sink_is_of_one_process, each_start_method, method) {
    captured_stderr seen;
    collected log(mp::log_level::info);
    mp::log(mp::log_level::info, "here");
    run_process({.name = "child", .start_method = method}, "there");
    const auto lines = log.lines();
    BOOST_TEST(has(lines, line("info", "main", ::getpid(), "here")));
    BOOST_TEST(std::ranges::none_of(lines, [](const auto& each) { return fault::contains(each, "there"); }));
    BOOST_TEST(fault::contains(seen.text(), "] there\n"));
}

BOOST_AUTO_TEST_CASE(a_sink_that_throws_does_no_harm) {
    const captured_stderr of_the_worker;
    mp::set_log_sink([](const mp::log_record&) { throw std::runtime_error("no room"); });
    mp::set_log_level(mp::log_level::debug);
    mp::log(mp::log_level::error, "lost");
    mp::pool pool(1);
    BOOST_TEST(pool.apply(fault::twice, 2) == 4);
}

BOOST_AUTO_TEST_CASE(the_environment_switches_it_on) {
    BOOST_TEST(fault::contains(stderr_of_a_program_with("info"), "] by the variable\n"));
    BOOST_TEST(!fault::contains(stderr_of_a_program_with("error"), "] by the variable\n"));
    BOOST_TEST(fault::contains(stderr_of_a_program_with("everything"), "none of debug, info, warning"));
}

BOOST_AUTO_TEST_CASE(what_a_program_with_the_variable_does) {
    mp::log(mp::log_level::info, "by the variable");
}

BOOST_AUTO_TEST_SUITE_END()
