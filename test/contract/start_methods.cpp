// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "support/start_methods.hpp"
#include "support/captured_stderr.hpp"
#include "support/gate.hpp"

#include <multiprocessing.hpp>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

// What holds for processes and pools whatever they are started by, and what each start method has of its own.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

using numbers = mp::queue<long>;
using texts = mp::queue<std::string>;

/// What takes as long as that will never happen.
constexpr auto hang = 30s;

int exit_code_of(mp::process child) {
    child.start();
    child.join();
    return child.exit_code().value();
}

void exit_with(int code) {
    std::exit(code);
}
void wait_for_ever(numbers started) {
    started.put(::getpid());
    numbers(1).get();
}
int twice(int n) {
    return 2 * n;
}
[[noreturn]] void print_and_die() {
    std::cerr << "last words" << std::flush;
    std::raise(SIGKILL);
    std::abort();
}
std::string line_of_status(const std::string& key) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(key)) {
            return line.substr(line.find_last_of(" \t") + 1);
        }
    }
    return {};
}
std::string comm_of_self() {
    std::string comm;
    std::getline(std::ifstream("/proc/self/comm"), comm);
    return comm;
}
void answer_all(numbers questions, numbers answers) {
    answers.put(0);
    for (const long question : questions) {
        answers.put(question + 1);
    }
}

int preloaded = 0;
void preload(int value) {
    preloaded = value;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(start_methods, leaves_nothing_but_the_server)

// Processes

BOOST_DATA_TEST_CASE(a_process_is_a_child_of_this_one_and_gets_its_arguments, each_start_method, method) {
    const by_default chosen(method);
    texts out(10);
    mp::process p{{.name = "a-name-longer-than-15"},
                  [](texts to, const std::vector<int>& terms, std::string large) {
                      to.put(std::to_string(::getpid()));
                      to.put(std::to_string(::getppid()));
                      to.put(std::to_string(mp::parent_process().value().pid()));
                      to.put(mp::current_process().name());
                      to.put(comm_of_self());
                      to.put(std::to_string(terms.size() + large.size()));
                      to.put(std::to_string(mp::active_children().size()));
                  },
                  out,
                  std::vector{1, 2, 3},
                  std::string(8 << 20, 'x')};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
    BOOST_TEST(out.get() == std::to_string(p.pid()));
    BOOST_TEST(out.get() == std::to_string(::getpid()));
    BOOST_TEST(out.get() == std::to_string(::getpid()));
    BOOST_TEST(out.get() == "a-name-longer-than-15");
    BOOST_TEST(out.get() == "a-name-longer-t");
    BOOST_TEST(out.get() == std::to_string(3 + (8 << 20)));
    BOOST_TEST(out.get() == "0");
}

BOOST_DATA_TEST_CASE(exit_codes_tell_how_it_ended, each_start_method, method) {
    const by_default chosen(method);
    BOOST_TEST(exit_code_of(mp::process([] {})) == 0);
    BOOST_TEST(exit_code_of(mp::process(exit_with, 3)) == 3);
    BOOST_TEST(exit_code_of(mp::process(exit_with, SIGKILL)) == SIGKILL);
    BOOST_TEST(exit_code_of(mp::process([] { ::_exit(4); })) == 4);
    BOOST_TEST(exit_code_of(mp::process([] { std::raise(SIGUSR1); })) == -SIGUSR1);
    BOOST_TEST(exit_code_of(mp::process([] { std::abort(); })) == -SIGABRT);
}

BOOST_DATA_TEST_CASE(an_exception_is_printed_and_gives_exit_code_1, each_start_method, method) {
    const by_default chosen(method);
    captured_stderr printed;
    mp::process p{{.name = "failing"}, [] {
                      std::cerr << "before, ";
                      throw std::out_of_range("far out");
                  }};
    p.start();
    p.join();
    const auto text = printed.text();
    BOOST_TEST(p.exit_code().value() == 1);
    BOOST_TEST(text == "before, Process failing (" + std::to_string(p.pid()) +
                           ") ended by an exception: std::out_of_range: far out\n");
}

BOOST_DATA_TEST_CASE(it_can_be_waited_for_and_ended, each_start_method, method) {
    const by_default chosen(method);
    numbers started(1);
    mp::process p{wait_for_ever, started};
    p.start();
    started.get();
    BOOST_TEST(p.is_alive());
    BOOST_TEST(!p.join_for(1ms));
    BOOST_TEST(mp::active_children().size() == 1U);
    p.terminate();
    BOOST_TEST(p.join_for(hang));
    BOOST_TEST(p.exit_code().value() == -SIGTERM);
    p.kill(); // harmless

    mp::process deaf{[](numbers s) {
                         std::signal(SIGTERM, SIG_IGN);
                         wait_for_ever(s);
                     },
                     started};
    deaf.start();
    started.get();
    deaf.terminate();
    deaf.kill();
    pollfd handle{deaf.native_handle(), POLLIN, 0};
    BOOST_TEST(::poll(&handle, 1, -1) == 1);
    deaf.join();
    BOOST_TEST(deaf.exit_code().value() == -SIGKILL);
}

BOOST_DATA_TEST_CASE(its_destructor_ends_it, each_start_method, method) {
    const by_default chosen(method);
    numbers started(1);
    long pid = 0;
    {
        mp::process p{wait_for_ever, started};
        p.start();
        pid = started.get();
    }
    BOOST_TEST(::kill(static_cast<pid_t>(pid), 0) == -1);
}

BOOST_DATA_TEST_CASE(environment_directory_and_streams_are_those_of_now, each_start_method, method) {
    const by_default chosen(method);
    BOOST_TEST(exit_code_of(mp::process([] {})) == 0); // there is a server now
    captured_stderr printed;
    const auto before = std::filesystem::current_path();
    ::setenv("MULTIPROCESSING_TEST_VARIABLE", "value", 1);
    std::filesystem::current_path("/dev");
    const auto code = exit_code_of(mp::process([] {
        std::cerr << std::filesystem::current_path().string() << ' '
                  << std::getenv("MULTIPROCESSING_TEST_VARIABLE");
    }));
    std::filesystem::current_path(before);
    ::unsetenv("MULTIPROCESSING_TEST_VARIABLE");
    BOOST_TEST(printed.text() == "/dev value");
    BOOST_TEST(code == 0);
}

BOOST_DATA_TEST_CASE(signals_act_by_default_but_for_those_of_the_terminal, each_start_method, method) {
    const by_default chosen(method);
    sigset_t blocked;
    sigset_t before;
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto usr2 = std::signal(SIGUSR2, SIG_IGN);
    const auto hup = std::signal(SIGHUP, SIG_IGN); // as under nohup
    texts out(3);
    exit_code_of(mp::process(
        [](texts to) {
            to.put(line_of_status("SigBlk"));
            to.put(line_of_status("SigIgn"));
        },
        out));
    std::signal(SIGHUP, hup);
    std::signal(SIGUSR2, usr2);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    BOOST_TEST(out.get() == "0000000000000000");
    BOOST_TEST(out.get() == "0000000000000001"); // 1 << (SIGHUP - 1)
}

BOOST_DATA_TEST_CASE(a_detached_child_outlives_its_parent, each_start_method, method) {
    const by_default chosen(method);
    numbers questions(1);
    numbers answers(1);
    numbers gate(1);
    mp::process child{[](numbers from, numbers to, numbers until) {
                          mp::process grandchild{answer_all, from, to};
                          grandchild.start();
                          until.get(); // the grandchild has answered
                          grandchild.detach();
                      },
                      questions, answers, gate};
    child.start();
    answers.get();
    gate.put(0);
    child.join();
    BOOST_TEST(child.exit_code().value() == 0);
    for (long n = 0; n != 100; ++n) {
        questions.put(n);
        BOOST_TEST_REQUIRE(answers.get_for(hang).value_or(-1) == n + 1);
    }
    questions.close();
}

BOOST_DATA_TEST_CASE(processes_and_pools_in_a_process_are_started_as_it_was, each_start_method, method) {
    const by_default chosen(method);
    BOOST_TEST(exit_code_of(mp::process(
                   [](mp::start_method expected) {
                       if (mp::get_start_method() != expected || mp::pool(2).apply(twice, 3) != 6) {
                           std::exit(2);
                       }
                       exit_with(exit_code_of(mp::process(exit_with, 7)));
                   },
                   method)) == 7);
}

BOOST_DATA_TEST_CASE(shares_arrays_and_queues, each_start_method, method) {
    const by_default chosen(method);
    mp::shared_array<int> shared(1000);
    texts out(1);
    BOOST_TEST(exit_code_of(mp::process(
                   [](mp::shared_array<int> array, texts to) {
                       array[999] = 5;
                       to.put(std::string(1 << 20, 'x'));
                   },
                   shared, out)) == 0);
    BOOST_TEST(shared[999] == 5);
    BOOST_TEST(out.get().size() == std::size_t{1} << 20);
}

BOOST_DATA_TEST_CASE(gets_connections, each_start_method, method) {
    const by_default chosen(method);
    auto [here, there] = mp::pipe<std::string>();
    mp::process child([](mp::connection<std::string> to_parent,
                         mp::connection<std::string> again) { to_parent.send(again.recv() + " there"); },
                      there, there);
    here.send("hello");
    child.start();
    there.close();
    BOOST_TEST(here.recv() == "hello there");
    child.join();
    BOOST_TEST(child.exit_code().value_or(-1) == 0);
    BOOST_CHECK_THROW(here.recv(), mp::end_of_file);
}

BOOST_DATA_TEST_CASE(learns_that_its_parent_has_closed_a_connection, each_start_method, method) {
    const by_default chosen(method);
    auto [here, there] = mp::pipe<int>();
    mp::process child(
        [](mp::connection<int> from_parent) {
            try {
                (void)from_parent.recv();
            } catch (const mp::end_of_file&) {
                std::exit(7);
            }
        },
        there);
    child.start();
    here.close();
    child.join();
    BOOST_TEST(child.exit_code().value_or(-1) == 7);
}

// Pools

BOOST_DATA_TEST_CASE(a_pool_works, each_start_method, method) {
    mp::pool pool({.processes = 2, .start_method = method});
    pool.initializer(preload, 11);
    BOOST_TEST(pool.apply([] { return preloaded; }) == 11);
    std::vector<int> all(1000);
    const auto doubled = pool.map(twice, all);
    BOOST_TEST(doubled.size() == 1000U);
    const std::string large(3 << 20, 'y');
    BOOST_TEST((pool.apply([](const std::string& text) { return text; }, large) == large));
    BOOST_CHECK_THROW(pool.apply([] { throw std::out_of_range("thrown in a worker"); }), std::out_of_range);
    BOOST_TEST(pool.apply([] { return ::getpgrp() == ::getpid(); }));
    BOOST_TEST(pool.apply(comm_of_self).starts_with("worker-"));
    pool.close();
    pool.join();
}

BOOST_DATA_TEST_CASE(a_pool_replaces_workers_that_die, each_start_method, method) {
    mp::pool pool({.processes = 2, .start_method = method});
    for (int i = 0; i != 3; ++i) {
        captured_stderr silence;
        try {
            pool.apply(print_and_die);
            BOOST_ERROR("it outlived its death");
        } catch (const mp::worker_died& e) {
            BOOST_TEST(e.exit_code() == -SIGKILL);
            BOOST_TEST(e.details().last_output == "last words");
        }
        BOOST_TEST(pool.apply(twice, i) == 2 * i);
    }
}

BOOST_DATA_TEST_CASE(a_pool_stops_tasks, each_start_method, method) {
    mp::pool pool({.processes = 1, .start_method = method});
    const auto worker = pool.apply([] { return ::getpid(); });
    gate at_work;
    auto task = pool.apply_async(
        [](std::stop_token stop, gate g) {
            g.arrived.put(0);
            while (!stop.stop_requested()) {
                std::this_thread::sleep_for(1ms);
            }
        },
        at_work);
    at_work.wait_for_task();
    BOOST_TEST(task.cancel());
    BOOST_CHECK_THROW(task.get(), mp::task_cancelled);
    BOOST_TEST(pool.apply([] { return ::getpid(); }) == worker);
}

BOOST_DATA_TEST_CASE(settings_are_made, each_start_method, method) {
    mp::pool pool({.processes = 1,
                   .limits = {.open_files = 100},
                   .working_directory = "/dev",
                   .environment = {{"MULTIPROCESSING_TEST_VARIABLE", "a=b"}},
                   .start_method = method});
    BOOST_TEST(pool.apply([] { return std::filesystem::current_path().string(); }) == "/dev");
    BOOST_TEST(pool.apply([] { return std::string(std::getenv("MULTIPROCESSING_TEST_VARIABLE")); }) == "a=b");
    BOOST_TEST(pool.apply([] { return ::sysconf(_SC_OPEN_MAX); }) == 100);
    BOOST_TEST(std::getenv("MULTIPROCESSING_TEST_VARIABLE") == nullptr);
}

BOOST_DATA_TEST_CASE(settings_that_cannot_be_made_are_a_start_failure, each_start_method, method) {
    try {
        mp::pool pool({.processes = 1, .working_directory = "/no such directory", .start_method = method});
        BOOST_ERROR("it started");
    } catch (const mp::start_failed& e) {
        BOOST_TEST((e.code() == std::errc::no_such_file_or_directory));
        BOOST_TEST(std::string(e.what()).find("/no such directory") != std::string::npos, e.what());
    }
}

// The choice

BOOST_AUTO_TEST_CASE(spawn_is_the_default) {
    BOOST_TEST(mp::get_start_method() == mp::start_method::spawn);
    BOOST_CHECK_THROW(mp::set_start_method(static_cast<mp::start_method>(77)), std::invalid_argument);
    BOOST_TEST(mp::get_start_method() == mp::start_method::spawn);
}

BOOST_AUTO_TEST_CASE(the_options_of_a_process_go_before_the_default) {
    preloaded = 5; // which a copy of this process has, and no other
    const auto by = [](mp::start_method method) {
        return exit_code_of(mp::process({.start_method = method}, [] { std::exit(preloaded); }));
    };
    BOOST_TEST(by(mp::start_method::fork) == 5);
    BOOST_TEST(by(mp::start_method::spawn) == 0);
    BOOST_TEST(by(mp::start_method::forkserver) == 0);
}

// fork

BOOST_AUTO_TEST_CASE(a_forked_process_runs_any_callable) {
    texts out(1);
    const std::string owned = "owned";
    auto only_moved = std::make_unique<int>(3);
    const std::vector<int> referred{1, 2, 3};
    mp::process p{mp::forked,
                  [owned, &referred, &out](std::unique_ptr<int> number, const std::string& text,
                                           const std::vector<int>& same) {
                      out.put(owned + text + std::to_string(*number + referred[2] + (&same == &referred)));
                  },
                  std::move(only_moved), " text ", std::cref(referred)};
    p.start();
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
    BOOST_TEST(out.get() == "owned text 7");
}

BOOST_AUTO_TEST_CASE(a_forked_process_can_be_named_moved_and_started_later) {
    int at_start = 1;
    mp::process first{mp::forked, {.name = "reader"}, [&at_start] {
                          std::exit(mp::current_process().name() == "reader" ? at_start : 99);
                      }};
    mp::process second(std::move(first));
    BOOST_TEST(second.name() == "reader");
    at_start = 2;
    BOOST_TEST(exit_code_of(std::move(second)) == 2);
    BOOST_CHECK_THROW(mp::process(mp::forked, {.start_method = mp::start_method::spawn}, [] {}),
                      std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(a_forked_process_leaves_the_parents_exit_handlers_alone) {
    captured_stderr printed;
    std::atexit([] {
        if (mp::parent_process()) {
            std::cerr << "the parent's";
        }
    });
    BOOST_TEST(exit_code_of(mp::process(mp::forked, [] {
                   std::atexit([] { std::cerr << "its own"; });
                   std::exit(3);
               })) == 3);
    BOOST_TEST(printed.text() == "its own");
}

BOOST_AUTO_TEST_CASE(what_is_printed_is_printed_once) {
    // stdout and std::cout are buffered; both go to a file for a while.
    std::FILE* file = std::tmpfile();
    std::fflush(stdout);
    const int original = ::dup(STDOUT_FILENO);
    ::dup2(::fileno(file), STDOUT_FILENO);
    std::printf("parent ");
    const auto code = exit_code_of(mp::process(mp::forked, [] {
        std::printf("child ");
        std::cout << "stream ";
    }));
    std::fflush(stdout);
    ::dup2(original, STDOUT_FILENO);
    ::close(original);
    std::rewind(file);
    char text[100] = {};
    BOOST_TEST(std::fread(text, 1, sizeof text - 1, file) > 0U);
    std::fclose(file);
    BOOST_TEST(std::string(text) == "parent child stream ");
    BOOST_TEST(code == 0);
}

// forkserver

BOOST_AUTO_TEST_CASE(what_was_preloaded_is_there) {
    const by_default chosen(mp::start_method::forkserver);
    mp::set_forkserver_preload(preload, 42);
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(exit_code_of(mp::process([] { std::exit(preloaded); })) == 42);
    }
    BOOST_CHECK_THROW(mp::set_forkserver_preload(preload, 43), std::logic_error);
    mp::stop_forkserver();
    mp::set_forkserver_preload(preload, 43);
    BOOST_TEST(exit_code_of(mp::process([] { std::exit(preloaded); })) == 43);
    BOOST_TEST(mp::active_children().empty()); // the server is none
    mp::stop_forkserver();
    mp::set_forkserver_preload([] {});
}

BOOST_AUTO_TEST_CASE(a_preload_that_fails_is_a_start_failure) {
    const by_default chosen(mp::start_method::forkserver);
    captured_stderr printed;
    mp::set_forkserver_preload([] { throw std::runtime_error("no licence"); });
    mp::process p{[] {}};
    BOOST_CHECK_THROW(p.start(), mp::start_failed);
    mp::set_forkserver_preload([] {});
    BOOST_CHECK_NO_THROW(p.start());
    p.join();
    BOOST_TEST(p.exit_code().value() == 0);
    BOOST_TEST(printed.text().find("no licence") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
