// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/init.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace mp = multiprocessing;

namespace {

void do_nothing() {}

template <class Use>
std::string not_initialized_by(Use use) {
    try {
        use();
    } catch (const mp::not_initialized& e) {
        return e.what();
    }
    return "no error";
}

// Before main nobody can have called `init`. In the children of other tests this runs as well, which shows
// that a program without `init` is not started over and over.
const std::string thrown_by_process = not_initialized_by([] { mp::process{do_nothing}.start(); });
const std::string thrown_by_pool = not_initialized_by([] { mp::pool(1); });

/// Runs this program with the arguments, and the variable by which a child gets its work.
int run_this_program(const std::string& handover, const std::string& arguments) {
    const auto program = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto command =
        "MULTIPROCESSING_HANDOVER=" + handover + " '" + program + "' " + arguments + " >/dev/null 2>&1";
    return std::system(command.c_str());
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(init, leaves_nothing)

BOOST_AUTO_TEST_CASE(starting_a_process_without_it_is_an_error_that_shows_the_line_to_add) {
    BOOST_TEST(thrown_by_process.find("multiprocessing::init(argc, argv);") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(making_a_pool_without_it_is_an_error_that_shows_the_line_to_add) {
    BOOST_TEST(thrown_by_pool.find("multiprocessing::init(argc, argv);") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(calling_it_again_has_no_effect) {
    mp::init(0, nullptr);
    mp::queue<std::string> out(1);
    mp::process p{[](mp::queue<std::string> to) { to.put("still works"); }, out};
    p.start();
    p.join();
    BOOST_TEST(out.get() == "still works");
}

BOOST_AUTO_TEST_CASE(rubbish_in_the_environment_is_no_handover) {
    for (const auto* rubbish : {"''", "0", "77", "-1", "x", "99999999999999999999"}) {
        BOOST_TEST(run_this_program(rubbish, "--list_content") == 0, rubbish);
    }
}

BOOST_AUTO_TEST_CASE(a_child_that_executes_this_program_does_not_give_its_work_away) {
    mp::queue<int> out(2);
    mp::process p{[](mp::queue<int> to) { to.put(run_this_program("3", "--list_content")); }, out};
    p.start();
    p.join();
    BOOST_TEST(out.get() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
