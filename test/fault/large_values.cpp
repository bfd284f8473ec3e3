// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Values far larger than a message, also where /dev/shm is small, as it is in containers.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <numeric>
#include <sched.h>
#include <sys/mount.h>

using namespace fault;

namespace {

using numbers = std::vector<std::uint64_t>;

numbers many(std::size_t bytes) {
    numbers result(bytes / sizeof(std::uint64_t));
    std::iota(result.begin(), result.end(), bytes);
    return result;
}
numbers same(numbers data) {
    return data;
}

constexpr std::size_t mebi = 1 << 20;

bool there_and_back() {
    mp::pool pool(1);
    for (const auto size : {256 * mebi, 64 * mebi, 1 * mebi}) {
        const auto data = many(size);
        if (pool.apply(same, data) != data) {
            return false;
        }
    }
    return true;
}

bool many_at_once() {
    mp::pool pool(2);
    std::vector<mp::future<numbers>> tasks;
    for (std::size_t i = 0; i != 40; ++i) {
        tasks.push_back(pool.apply_async(same, many(mebi * (i % 5 + 1))));
    }
    for (std::size_t i = 0; i != 40; ++i) {
        if (tasks[i].get() != many(mebi * (i % 5 + 1))) {
            return false;
        }
    }
    return true;
}

enum verdict { as_promised = 0, wrong = 3, not_permitted = 77 };

/// With a /dev/shm of 64 MiB, where this process has the right to make one.
void with_a_small_dev_shm() {
    if ((::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ||
        ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("none", "/dev/shm", "tmpfs", 0, "size=64m") != 0) {
        ::_exit(not_permitted);
    }
    ::_exit(there_and_back() && many_at_once() ? as_promised : wrong);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(large_values, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_quarter_of_a_gibibyte_travels_there_and_back) {
    BOOST_TEST(there_and_back());
}

BOOST_AUTO_TEST_CASE(many_large_values_are_under_way_at_once) {
    BOOST_TEST(many_at_once());
}

BOOST_AUTO_TEST_CASE(a_small_dev_shm_does_not_matter) {
    mp::process child(with_a_small_dev_shm);
    child.start();
    BOOST_TEST_REQUIRE(child.join_for(hang_limit));
    if (child.exit_code() == not_permitted) {
        BOOST_TEST_MESSAGE("not tested: a small /dev/shm in a private mount namespace is not permitted here");
        return;
    }
    BOOST_TEST(child.exit_code().value() == as_promised);
}

BOOST_AUTO_TEST_SUITE_END()
