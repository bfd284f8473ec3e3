// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// main of every test program: children started by a test take the way of `init`, the tests are for the
// parent.
#include <multiprocessing/init.hpp>

#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

int main(int argc, char** argv) {
    multiprocessing::init(argc, argv);
    // ThreadSanitizer starts a thread of its own with the first one, which is to be there before any test
    // counts them.
    std::thread([] {}).join();
    // A crash of the tests themselves is to be a crash: Boost.Test would jump out of it past all destructors,
    // and leave children behind.
    std::vector<char*> arguments(argv, argv + argc);
    char do_not_catch[] = "--catch_system_errors=no";
    arguments.insert(arguments.begin() + 1, do_not_catch);
    return boost::unit_test::unit_test_main([] { return true; }, static_cast<int>(arguments.size()),
                                            arguments.data());
}
