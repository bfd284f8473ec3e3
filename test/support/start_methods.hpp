// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "leaves_nothing.hpp"

#include <multiprocessing/context.hpp>
#include <multiprocessing/forkserver.hpp>

#include <array>
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <ostream>

namespace multiprocessing {
inline std::ostream& operator<<(std::ostream& out, start_method method) {
    constexpr std::array names{"spawn", "fork", "forkserver"};
    return out << names[static_cast<std::size_t>(method)];
}
} // namespace multiprocessing

// Forks beside other threads: before LLVM 18 a mutex of the address sanitizer's `malloc` that another thread
// has stays locked, and the thread sanitizer allows no threads in the copy.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr std::array tested_start_methods{multiprocessing::start_method::spawn,
                                                 multiprocessing::start_method::forkserver};
#else
inline constexpr auto tested_start_methods = multiprocessing::all_start_methods;
#endif

/// For test cases that have a start method as parameter: `BOOST_DATA_TEST_CASE(name, each_start_method,
/// method)`.
inline const auto each_start_method = boost::unit_test::data::make(tested_start_methods);

/// The start method for what follows in a test case.
class by_default {
public:
    explicit by_default(multiprocessing::start_method method) { multiprocessing::set_start_method(method); }
    ~by_default() { multiprocessing::set_start_method(multiprocessing::start_method::spawn); }
    by_default(const by_default&) = delete;
    by_default& operator=(const by_default&) = delete;
};

/// Fixture: as `leaves_nothing`, but for the fork server, which stays until it is stopped.
class leaves_nothing_but_the_server : public leaves_nothing {
public:
    ~leaves_nothing_but_the_server() { multiprocessing::stop_forkserver(); }
};
