// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/redirection.hpp>

#include "support/start_methods.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <spawn.h>
#include <string>
#include <unistd.h>

// Where a child's standard streams lead.

namespace mp = multiprocessing;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t more_than_a_pipe_holds = 300'000;

void print_to_both(const std::string& text) {
    std::cout << "out:" << text;
    std::cerr << "err:" << text;
}
void echo() {
    for (int c = std::getchar(); c != EOF; c = std::getchar()) {
        std::putchar(c);
    }
}
void print_much_to_both_and_read() {
    const std::string much(more_than_a_pipe_holds, 'x');
    std::cerr << much;
    std::cout << much << std::flush;
    std::cout << std::string(std::istreambuf_iterator(std::cin), {}).size();
}
[[noreturn]] void print_and_die() {
    std::cout << "last words" << std::flush;
    std::raise(SIGKILL);
    std::abort();
}
/// Another process keeps the streams open.
void leave_one_behind(mp::queue<long> pid) {
    char name[] = "sleep";
    char seconds[] = "1000";
    char* arguments[] = {name, seconds, nullptr};
    pid_t left = 0; // no fork: that may be in the middle of the start of a thread
    pid.put(::posix_spawnp(&left, name, nullptr, nullptr, arguments, ::environ) == 0 ? left : 0);
    std::cout << "done" << std::flush;
}
void read_nothing() {}
/// By a child whose parent has read its own input, to the end and more.
void have_another_read(const std::string& file, mp::start_method method) {
    std::string word;
    while (std::cin >> word) {
    }
    mp::process reader({.start_method = method, .in = mp::redirection::file(file)}, [] {
        std::string first;
        std::exit(std::cin >> first && first == "others" ? 5 : 1);
    });
    reader.start();
    reader.join();
    std::exit(reader.exit_code().value_or(-1));
}

/// A folder of its own, gone with all its content at the end of the scope.
class scratch_folder {
public:
    scratch_folder() { std::filesystem::create_directory(path_); }
    ~scratch_folder() { std::filesystem::remove_all(path_); }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_ = std::filesystem::temp_directory_path() /
                                  ("multiprocessing-redirection-" + std::to_string(::getpid()));
};

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    BOOST_TEST_REQUIRE(file.is_open());
    return {std::istreambuf_iterator(file), {}};
}

template <class... Args>
void run(const mp::process_options& options, Args&&... function_and_arguments) {
    mp::process child(options, std::forward<Args>(function_and_arguments)...);
    child.start();
    child.join();
    BOOST_TEST(child.exit_code().value() == 0);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(redirection, leaves_nothing_but_the_server)

BOOST_DATA_TEST_CASE(to_files_that_are_replaced_or_appended_to, each_start_method, method) {
    const scratch_folder folder;
    const auto out = mp::redirection::file(folder / "out");
    const auto err = mp::redirection::append(folder / "err");
    run({.start_method = method, .out = out, .err = err}, print_to_both, "1");
    run({.start_method = method, .out = out, .err = err}, print_to_both, "2");
    BOOST_TEST(content_of(folder / "out") == "out:2");
    BOOST_TEST(content_of(folder / "err") == "err:1err:2");
}

BOOST_DATA_TEST_CASE(from_a_file_to_nowhere, each_start_method, method) {
    const scratch_folder folder;
    std::ofstream(folder / "in") << "from a file";
    run({.start_method = method,
         .in = mp::redirection::file(folder / "in"),
         .out = mp::redirection::file(folder / "out")},
        echo);
    BOOST_TEST(content_of(folder / "out") == "from a file");
    run({.start_method = method, .in = mp::redirection::null(), .out = mp::redirection::null()}, echo);
}

BOOST_DATA_TEST_CASE(another_input_whatever_the_parent_has_read, each_start_method, method) {
    const scratch_folder folder;
    std::ofstream(folder / "parents") << "some words";
    std::ofstream(folder / "childs") << "others";
    mp::process parent({.in = mp::redirection::file(folder / "parents")}, have_another_read,
                       (folder / "childs").string(), method);
    parent.start();
    parent.join();
    BOOST_TEST(parent.exit_code().value_or(-1) == 5);
}

BOOST_DATA_TEST_CASE(errors_beside_the_output, each_start_method, method) {
    const scratch_folder folder;
    run({.start_method = method,
         .out = mp::redirection::append(folder / "both"),
         .err = mp::redirection::like_output()},
        print_to_both, "x");
    const auto both = content_of(folder / "both");
    BOOST_TEST((both == "out:xerr:x" || both == "err:xout:x"), both);
}

BOOST_DATA_TEST_CASE(there_and_back_through_pipes, each_start_method, method) {
    mp::process child({.start_method = method, .in = mp::redirection::pipe(), .out = mp::redirection::pipe()},
                      echo);
    child.start();
    BOOST_TEST(child.in().write("one "));
    BOOST_TEST(child.in().write("two"));
    child.in().close(); // which the child sees, so nobody else has this end
    BOOST_TEST(child.out().read_all() == "one two");
    BOOST_TEST(child.out().native_handle() == -1);
    child.join();
    BOOST_TEST(child.exit_code().value() == 0);
}

BOOST_DATA_TEST_CASE(all_at_once_without_a_deadlock, each_start_method, method) {
    mp::process child({.start_method = method,
                       .in = mp::redirection::pipe(),
                       .out = mp::redirection::pipe(),
                       .err = mp::redirection::pipe()},
                      print_much_to_both_and_read);
    child.start();
    const auto output = child.communicate(std::string(more_than_a_pipe_holds, 'i'));
    const std::string much(more_than_a_pipe_holds, 'x');
    BOOST_TEST((output.out == much + std::to_string(more_than_a_pipe_holds)));
    BOOST_TEST((output.err == much));
    BOOST_TEST(child.exit_code().value() == 0);
}

BOOST_DATA_TEST_CASE(what_a_killed_child_has_written_is_read, each_start_method, method) {
    mp::process child({.start_method = method, .out = mp::redirection::pipe()}, print_and_die);
    child.start();
    child.join(); // it was little
    BOOST_TEST(child.out().read_all() == "last words");
    BOOST_TEST(child.exit_code().value() == -SIGKILL);
}

BOOST_DATA_TEST_CASE(ends_with_the_child_though_others_hold_the_pipe, each_start_method, method) {
    mp::queue<long> left(1);
    mp::process child({.start_method = method, .out = mp::redirection::pipe()}, leave_one_behind, left);
    child.start();
    BOOST_TEST(child.out().read_all() == "done");
    const auto pid = left.get();
    BOOST_TEST_REQUIRE(pid > 0);
    ::kill(static_cast<pid_t>(pid), SIGKILL);
    child.join();
}

BOOST_AUTO_TEST_CASE(writing_to_a_child_that_is_gone_is_no_signal_and_no_wait) {
    mp::process child({.in = mp::redirection::pipe()}, read_nothing);
    child.start();
    child.join();
    BOOST_TEST(!child.in().write(std::string(more_than_a_pipe_holds, 'i')));
    mp::process another({.in = mp::redirection::pipe(), .out = mp::redirection::pipe()}, read_nothing);
    another.start();
    BOOST_TEST(another.communicate(std::string(more_than_a_pipe_holds, 'i')).out == "");
}

BOOST_AUTO_TEST_CASE(a_child_that_waits_for_its_reader_can_be_destroyed) {
    mp::process child({.out = mp::redirection::pipe(), .err = mp::redirection::pipe()},
                      print_much_to_both_and_read);
    child.start();
    std::string some(10, ' ');
    BOOST_TEST(child.err().read_some(some) == some.size());
    auto moved = std::move(child);
    BOOST_TEST(moved.err().read_some(some) == some.size());
}

BOOST_DATA_TEST_CASE(a_file_that_cannot_be_opened_is_named, each_start_method, method) {
    const scratch_folder folder;
    const auto missing = folder / "missing" / "out";
    mp::process child({.name = "writer", .start_method = method, .out = mp::redirection::file(missing)},
                      read_nothing);
    BOOST_CHECK_EXCEPTION(child.start(), mp::start_failed, [&](const mp::start_failed& e) {
        BOOST_TEST(std::string(e.what()).find(missing.string()) != std::string::npos, e.what());
        BOOST_TEST(std::string(e.what()).find("writer") != std::string::npos, e.what());
        return e.code() == std::errc::no_such_file_or_directory;
    });
    BOOST_TEST(!child.is_alive());
    mp::process reader({.start_method = method, .in = mp::redirection::file(folder / "none")}, echo);
    BOOST_CHECK_THROW(reader.start(), mp::start_failed);
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused) {
    mp::process appends({.in = mp::redirection::append("/dev/null")}, read_nothing);
    BOOST_CHECK_THROW(appends.start(), std::invalid_argument);
    mp::process circular({.out = mp::redirection::like_output()}, read_nothing);
    BOOST_CHECK_THROW(circular.start(), std::invalid_argument);

    mp::process plain(read_nothing);
    BOOST_CHECK_THROW((void)plain.out(), std::logic_error); // not started
    plain.start();
    BOOST_CHECK_THROW((void)plain.in(), std::logic_error);
    BOOST_CHECK_THROW((void)plain.err(), std::logic_error);
    BOOST_CHECK_THROW(plain.communicate("input"), std::logic_error);
    BOOST_TEST(plain.communicate().out == "");
    BOOST_TEST(plain.exit_code().value() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
