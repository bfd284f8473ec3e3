// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/exception.hpp>

#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>

#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

namespace mp = multiprocessing;

namespace {

struct my_error : std::runtime_error {
    using runtime_error::runtime_error;
};
struct unregistered_error : std::runtime_error {
    using runtime_error::runtime_error;
};

struct not_rebuilt {
    template <class Archive>
    void serialize(Archive&, unsigned) {
        if (Archive::is_loading::value) {
            throw std::range_error("cannot be loaded");
        }
    }
};
struct not_saved {
    template <class Archive>
    void serialize(Archive&, unsigned) {
        if (Archive::is_saving::value) {
            throw mp::not_encodable("cannot be saved");
        }
    }
};

int at(const std::map<std::string, int>& map, const std::string& key) {
    return map.at(key);
}

/// Calls `check` with the E that the task throws.
template <class E, class Task, class Check>
void expect(Task task, Check check) {
    mp::pool p(1);
    try {
        p.apply(task);
        BOOST_ERROR("nothing was thrown");
    } catch (const E& e) {
        check(e);
    }
    BOOST_TEST(p.apply([] { return 5; }) == 5); // the worker goes on
    BOOST_TEST(p.stats().restarts == 0U);
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(exceptions, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_standard_exception_arrives_as_itself) {
    expect<std::out_of_range>([] { throw std::out_of_range("far out"); },
                              [](const auto& e) { BOOST_TEST(e.what() == std::string("far out")); });
    expect<std::bad_alloc>([] { throw std::bad_alloc(); }, [](const auto&) {});
}

BOOST_AUTO_TEST_CASE(one_thrown_by_the_standard_library_arrives) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply(at, std::map<std::string, int>{{"a", 1}}, "b"), std::out_of_range);
}

BOOST_AUTO_TEST_CASE(a_system_error_arrives_with_its_code) {
    expect<std::system_error>(
        [] { throw std::system_error(std::make_error_code(std::errc::no_space_on_device), "writing"); },
        [](const auto& e) { BOOST_TEST((e.code() == std::errc::no_space_on_device)); });
}

BOOST_AUTO_TEST_CASE(a_filesystem_error_arrives_with_its_paths) {
    expect<std::filesystem::filesystem_error>([] { (void)std::filesystem::file_size("/no/such/file"); },
                                              [](const auto& e) {
                                                  BOOST_TEST(e.path1() == "/no/such/file");
                                                  BOOST_TEST(
                                                      (e.code() == std::errc::no_such_file_or_directory));
                                              });
}

BOOST_AUTO_TEST_CASE(nested_exceptions_stay_nested) {
    expect<std::runtime_error>(
        [] {
            try {
                throw std::out_of_range("inner");
            } catch (...) {
                std::throw_with_nested(std::runtime_error("outer"));
            }
        },
        [](const auto& e) {
            BOOST_TEST(e.what() == std::string("outer"));
            BOOST_CHECK_THROW(std::rethrow_if_nested(e), std::out_of_range);
        });
}

BOOST_AUTO_TEST_CASE(an_unknown_exception_arrives_as_a_remote_error) {
    expect<mp::remote_error>([] { throw unregistered_error("why"); },
                             [](const auto& e) {
                                 BOOST_TEST(e.type_name() == "(anonymous namespace)::unregistered_error");
                                 BOOST_TEST(e.what() == std::string("why"));
                             });
}

BOOST_AUTO_TEST_CASE(what_is_not_an_exception_arrives_as_a_remote_error) {
    expect<mp::remote_error>([] { throw 42; }, [](const auto& e) { BOOST_TEST(e.type_name() == "int"); });
}

BOOST_AUTO_TEST_CASE(a_registered_exception_arrives_as_itself) {
    mp::register_exception<my_error>();
    expect<my_error>([] { throw my_error("why"); },
                     [](const auto& e) { BOOST_TEST(e.what() == std::string("why")); });
}

BOOST_AUTO_TEST_CASE(an_exception_passes_through_a_pool_in_a_pool) {
    expect<std::out_of_range>(
        [] {
            mp::pool inner(1);
            inner.apply([] { throw std::out_of_range("deep down"); });
        },
        [](const auto& e) { BOOST_TEST(e.what() == std::string("deep down")); });
}

BOOST_AUTO_TEST_CASE(an_unknown_exception_keeps_its_type_name_through_a_pool_in_a_pool) {
    expect<mp::remote_error>(
        [] {
            mp::pool inner(1);
            inner.apply([] { throw unregistered_error("deep down"); });
        },
        [](const auto& e) { BOOST_TEST(e.type_name() == "(anonymous namespace)::unregistered_error"); });
}

BOOST_AUTO_TEST_CASE(a_large_exception_text_arrives) {
    expect<std::runtime_error>([] { throw std::runtime_error(std::string(1'000'000, 'x')); },
                               [](const auto& e) { BOOST_TEST(std::string(e.what()).size() == 1'000'000U); });
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_encoded_is_an_error_of_that_task) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply([] { return not_saved(); }), mp::not_encodable);
    BOOST_TEST(p.apply([] { return 5; }) == 5);
}

BOOST_AUTO_TEST_CASE(a_result_that_cannot_be_decoded_is_an_error_of_that_task) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply([] { return not_rebuilt(); }), std::range_error);
    BOOST_TEST(p.apply([] { return 5; }) == 5);
}

BOOST_AUTO_TEST_CASE(an_argument_that_cannot_be_encoded_is_an_error_of_the_caller) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply_async([](const not_saved&) {}, not_saved()), mp::not_encodable);
    BOOST_TEST(p.apply([] { return 5; }) == 5);
}

BOOST_AUTO_TEST_CASE(an_argument_that_cannot_be_decoded_is_an_error_of_that_task) {
    mp::pool p(1);
    BOOST_CHECK_THROW(p.apply([](const not_rebuilt&) {}, not_rebuilt()), std::range_error);
    BOOST_TEST(p.apply([] { return 5; }) == 5);
}

BOOST_AUTO_TEST_SUITE_END()
