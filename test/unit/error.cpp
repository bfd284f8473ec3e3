// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/error.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <concepts>
#include <csignal>
#include <string>
#include <utility>

namespace mp = multiprocessing;

BOOST_FIXTURE_TEST_SUITE(error, leaves_nothing)

BOOST_AUTO_TEST_CASE(all_errors_derive_from_error_and_from_runtime_error) {
    static_assert(std::derived_from<mp::error, std::runtime_error>);
    static_assert(std::derived_from<mp::not_initialized, mp::error>);
    static_assert(std::derived_from<mp::resource_error, mp::error>);
    static_assert(std::derived_from<mp::start_failed, mp::resource_error>);
    static_assert(std::derived_from<mp::worker_died, mp::error>);
    static_assert(std::derived_from<mp::pool_closed, mp::error>);
    static_assert(std::derived_from<mp::pool_terminated, mp::error>);
    static_assert(std::derived_from<mp::queue_closed, mp::error>);
    static_assert(std::derived_from<mp::queue_broken, mp::error>);
    static_assert(std::derived_from<mp::broken_barrier, mp::error>);
    static_assert(std::derived_from<mp::not_encodable, mp::error>);
    static_assert(std::derived_from<mp::decode_failed, mp::error>);
    static_assert(std::derived_from<mp::remote_error, mp::error>);
}

BOOST_AUTO_TEST_CASE(not_initialized_shows_the_line_to_add) {
    const std::string what = mp::not_initialized().what();
    BOOST_TEST(what.find("multiprocessing::init(argc, argv);") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(start_failed_carries_the_operating_systems_reason) {
    const mp::start_failed e(std::make_error_code(std::errc::too_many_files_open), "cannot start");
    BOOST_TEST((e.code() == std::errc::too_many_files_open));
    BOOST_TEST(e.what() == std::string("cannot start"));
}

BOOST_AUTO_TEST_CASE(resource_error_carries_the_operating_systems_reason) {
    const mp::resource_error e(std::make_error_code(std::errc::no_space_on_device), "cannot make room");
    BOOST_TEST((e.code() == std::errc::no_space_on_device));
    BOOST_TEST(e.what() == std::string("cannot make room"));
}

BOOST_AUTO_TEST_CASE(worker_died_tells_a_signal_from_an_exit_code) {
    const mp::worker_died killed(4711, -SIGSEGV, "killed");
    BOOST_TEST(killed.pid() == 4711);
    BOOST_TEST(killed.exit_code() == -SIGSEGV);
    BOOST_TEST(killed.signal().value() == SIGSEGV);
    const mp::worker_died exited(4711, 3, "exited");
    BOOST_TEST(exited.exit_code() == 3);
    BOOST_TEST(!exited.signal());
}

BOOST_AUTO_TEST_CASE(worker_died_has_details_and_shares_them_with_its_copies) {
    BOOST_TEST((mp::worker_died(4711, 3, "exited").details() == mp::worker_death{}));
    mp::worker_died original(4711, -SIGSEGV, "killed", {.task = 5, .last_output = "text"});
    const auto copy = std::move(original);
    BOOST_TEST(copy.details().task == 5U);
    BOOST_TEST(copy.details().last_output == "text");
    BOOST_TEST(&copy.details() == &original.details()); // NOLINT: it is as good as before
}

BOOST_AUTO_TEST_CASE(remote_error_tells_the_type) {
    const mp::remote_error e("my::type", "text");
    BOOST_TEST(e.type_name() == "my::type");
    BOOST_TEST(e.what() == std::string("text"));
}

BOOST_AUTO_TEST_SUITE_END()
