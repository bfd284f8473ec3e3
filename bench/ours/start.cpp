// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a process costs from start to join: mp::process, Boost.Process, and the least there is, vfork and exec
// by hand. All three start this same program, from a parent that has so many MiB.
#include "common/by_hand.hpp"
#include "common/measure.hpp"

#include <multiprocessing.hpp>

// Boost.Process 1.81 uses these without including them when it is told to use std::filesystem.
#include <boost/optional.hpp>
#include <boost/type_traits/decay.hpp>
#include <boost/type_traits/is_convertible.hpp>

#include <boost/asio/io_context.hpp>
#include <boost/process/v2/process.hpp>
#include <vector>

namespace mp = multiprocessing;

namespace {

constexpr auto usage = "ours|by_hand|boost_process TIMES MIB";

void do_nothing() {}

void by_library() {
    mp::process child(do_nothing);
    child.start();
    child.join();
}

void by_hand() {
    int status = 0;
    ::waitpid(bench::start_by_hand("end"), &status, 0);
    bench::expect(status == 0, "the child's end");
}

void by_boost_process() {
    boost::asio::io_context context;
    boost::process::v2::process child(context, "/proc/self/exe", {"end"});
    bench::expect(child.wait() == 0, "the child's end");
}

} // namespace

int main(int argc, char** argv) {
    const auto what = bench::word(argc, argv, 1, usage);
    if (what == "end") {
        return 0;
    }
    mp::init(argc, argv);
    const auto times = bench::number(argc, argv, 2, usage);
    const auto size = static_cast<std::size_t>(bench::number(argc, argv, 3, usage)) << 20;
    const std::vector<char> memory(size, 'x'); // touched
    const auto start = what == "ours" ? by_library : what == "by_hand" ? by_hand : by_boost_process;
    const auto taken = bench::times_of(times, [&](int) { start(); });
    bench::report("time", bench::quantile(taken, 0.5) * 1e3, "ms");
    bench::expect(size == 0 || memory.back() == 'x', "the parent's memory");
}
