// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "support/captured_stderr.hpp"
#include "support/fault.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <sys/resource.h>
#include <system_error>
#include <vector>

/// What the tests of shortages share. Each shortage is made in a process of its own, the experiment.
namespace scarce {

using namespace fault;

/// Exit codes of the experiments.
enum verdict {
    as_promised = 0,
    wrong_error = 3,
    left_a_child = 4,
    left_a_descriptor = 5,
    wrong_value = 6,
    never_worked = 7,
    ran_all_the_same = 8,
    left_a_name = 9,
    hurt_a_worker = 10
};

inline void check(void (*experiment)()) {
    captured_stderr said; // children that could not begin say so
    mp::process child(experiment);
    child.start();
    const bool ended = child.join_for(2 * hang_limit);
    if (!ended) {
        child.kill();
        child.join();
    }
    const auto text = said.text();
    BOOST_TEST(ended);
    BOOST_TEST(child.exit_code().value() == as_promised, child.exit_code().value() << ": " << text);
}

[[noreturn]] inline void end(verdict is, const std::string& why) {
    std::fprintf(stderr, "%s\n", why.c_str());
    ::_exit(is);
}

inline void expect(bool fulfilled, verdict otherwise, const std::string& what) {
    if (!fulfilled) {
        end(otherwise, what);
    }
}

/// Lets this process have at most so much of something.
inline void allow(__rlimit_resource what, std::size_t amount) {
    rlimit limit{};
    ::getrlimit(what, &limit);
    limit.rlim_cur = std::min<rlim_t>(amount, limit.rlim_max);
    ::setrlimit(what, &limit);
}
/// As much as it may have at all.
inline void allow_all(__rlimit_resource what) {
    allow(what, RLIM_INFINITY);
}

inline std::size_t open_descriptors() {
    const std::filesystem::directory_iterator open("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(open), std::filesystem::directory_iterator())) -
           1; // that of the directory
}

/// Whether `attempt` succeeds. What else it throws is an error of the library that says why.
template <class Attempt>
bool succeeds(const Attempt& attempt, const std::string& context) {
    try {
        attempt();
        return true;
    } catch (const mp::resource_error& e) {
        expect(static_cast<bool>(e.code()), wrong_error, context + ": no code: " + e.what());
    } catch (const mp::error&) {
    } catch (const std::exception& e) {
        end(wrong_error, context + ": " + e.what());
    }
    return false;
}

/// That an experiment has left nothing behind.
inline void expect_nothing_left(std::size_t descriptors_before, const std::string& context) {
    expect(children_of(::getpid()).empty(), left_a_child, context + ": a child is left");
    expect(open_descriptors() == descriptors_before, left_a_descriptor, context + ": descriptors are left");
    expect(names_of(::getpid()).empty(), left_a_name, context + ": names are left");
}

/// A user who has nothing else here.
inline uid_t somebody_else() {
    return static_cast<uid_t>(10'000 + ::getpid() % 50'000);
}

/// Becomes that user for good, if this is root and may do so; whether it is.
inline bool become_somebody_else() {
    const auto id = somebody_else();
    return ::geteuid() == 0 && ::setgid(id) == 0 && ::setuid(id) == 0;
}

// Tasks

inline std::size_t count(const std::vector<char>& data) {
    return data.size();
}
inline std::vector<char> make(std::size_t size) {
    return std::vector<char>(size, 'x');
}

} // namespace scarce
