// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A family at a terminal: Ctrl-C, the terminal's end and a signal to the parent end all of it, without a word
// from those that have nothing to say.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"
#include "support/pseudo_terminal.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <sstream>

using namespace fault;

namespace {

void be_busy() {
    for (std::atomic<unsigned> turns{0};; ++turns) {
    }
}
void print(const std::string& text) {
    std::puts(text.c_str());
}

/// A pool whose workers are busy, one that is idle, and processes that are busy and idle. Never destroyed.
struct family {
    mp::pool busy_pool{2};
    mp::pool idle_pool{2};
    mp::process busy{be_busy};
    mp::process idle{stay};
};
constexpr std::size_t family_size = 6;

family& have_a_family() {
    auto& all = *new family;
    all.busy.start();
    all.idle.start();
    all.idle_pool.apply(print, "said by a worker");
    all.idle_pool.apply(twice, 1);
    (void)all.busy_pool.apply_async(be_busy);
    (void)all.busy_pool.apply_async(stay);
    eventually([] { return descendants_of(::getpid()).size() == family_size; });
    return all;
}

void be_a_parent(const std::string& path) {
    sit_at(path);
    have_a_family();
    std::puts("ready");
    std::fflush(stdout);
    stay();
}

volatile std::sig_atomic_t interrupted = 0;

/// One that makes something else of Ctrl-C.
void be_a_parent_that_goes_on(const std::string& path) {
    sit_at(path);
    auto& all = have_a_family();
    const auto workers = all.idle_pool.pids();
    std::signal(SIGINT, [](int) { interrupted = 1; });
    std::puts("ready");
    std::fflush(stdout);
    while (interrupted == 0) {
        std::this_thread::sleep_for(1ms);
    }
    const bool same = all.idle_pool.apply(twice, 21) == 42 && all.idle_pool.pids() == workers;
    std::puts(same ? "goes on" : "lost its workers");
    std::fflush(stdout);
    ::_exit(0);
}

/// What has been shown after the mark, line by line, without what the terminal itself shows of a key.
std::vector<std::string> lines_after(const std::string& mark, const std::string& shown) {
    std::istringstream text(shown.substr(shown.find(mark) + mark.size()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) {
        std::erase(line, '\r');
        if (line.starts_with("^C")) {
            line.erase(0, 2);
        }
        if (!line.empty()) {
            lines.push_back(line);
        }
    }
    return lines;
}

struct sitting {
    explicit sitting(void (*parent_function)(const std::string&)) : parent(parent_function, screen.path()) {
        parent.start();
        BOOST_TEST_REQUIRE(screen.shows("ready"), "shown: " << screen.shown());
        members = descendants_of(parent.pid());
        BOOST_TEST(members.size() == family_size);
        BOOST_TEST(screen.shown().find("said by a worker") != std::string::npos);
    }
    ~sitting() {
        BOOST_TEST(parent.join_for(hang_limit));
        check_that_they_are_gone(members);
    }
    sitting(const sitting&) = delete;
    sitting& operator=(const sitting&) = delete;

    pseudo_terminal screen;
    mp::process parent;
    std::vector<identity> members;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(terminal, leaves_nothing)

BOOST_AUTO_TEST_CASE(ctrl_c_ends_the_family_with_one_message_at_most) {
    sitting it(be_a_parent);
    it.screen.type(ctrl_c);
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).size() <= 1U, "shown: " << it.screen.shown());
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGINT);
}

BOOST_AUTO_TEST_CASE(ctrl_c_typed_again_and_again_ends_the_family_no_louder) {
    sitting it(be_a_parent);
    for (int i = 0; i != 5; ++i) {
        it.screen.type(ctrl_c);
    }
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).size() <= 1U, "shown: " << it.screen.shown());
}

BOOST_AUTO_TEST_CASE(a_parent_that_handles_ctrl_c_keeps_its_workers) {
    sitting it(be_a_parent_that_goes_on);
    it.screen.type(ctrl_c);
    BOOST_TEST(it.screen.is_left());
    const auto lines = lines_after("ready", it.screen.shown());
    BOOST_TEST(lines == std::vector<std::string>{"goes on"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_parent_that_is_terminated_takes_its_family_along_in_silence) {
    sitting it(be_a_parent);
    it.parent.terminate();
    BOOST_TEST(it.screen.is_left());
    BOOST_TEST(lines_after("ready", it.screen.shown()).empty(), "shown: " << it.screen.shown());
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGTERM);
}

BOOST_AUTO_TEST_CASE(a_terminal_that_goes_takes_the_family_along) {
    sitting it(be_a_parent);
    it.screen.close();
    it.parent.join();
    BOOST_TEST(it.parent.exit_code().value_or(0) == -SIGHUP);
}

BOOST_AUTO_TEST_SUITE_END()
