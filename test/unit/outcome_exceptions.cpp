// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/outcome.hpp"

#include "support/leaves_nothing.hpp"
#include "support/outcomes.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/exception.hpp>

#include <any>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <system_error>
#include <typeinfo>
#include <utility>
#include <variant>
#include <vector>

// Exceptions that leave a task arrive as themselves, or as a remote_error that describes them.

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::string_literals;

namespace {

/// An E arrives as exactly an E that says the same.
template <class E>
void expect_same(const E& original, const std::exception_ptr& exception) {
    expect<E>(exception, [&](const E& e) { BOOST_TEST(e.what() == original.what()); });
}

/// What an exception says, and those inside it.
std::vector<std::string> texts_in(std::exception_ptr exception) {
    std::vector<std::string> texts;
    while (exception != nullptr) {
        try {
            std::rethrow_exception(std::exchange(exception, nullptr));
        } catch (const std::exception& e) {
            texts.emplace_back(e.what());
            if (const auto* carrier = dynamic_cast<const std::nested_exception*>(&e)) {
                exception = carrier->nested_ptr();
            }
        }
    }
    return texts;
}

/// Throws an exception that carries one that carries one, and so on.
[[noreturn]] void throw_chain(int length) {
    if (length == 1) {
        throw std::runtime_error("1");
    }
    try {
        throw_chain(length - 1);
    } catch (...) {
        std::throw_with_nested(std::runtime_error(std::to_string(length)));
    }
}

struct unknown_error : std::runtime_error {
    using runtime_error::runtime_error;
};
struct registered_error : std::runtime_error {
    using runtime_error::runtime_error;
};
struct final_error final : std::exception {
    explicit final_error(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

private:
    std::string text_;
};
struct derived_from_registered : registered_error {
    using registered_error::registered_error;
};
struct not_an_exception {};

} // namespace

BOOST_FIXTURE_TEST_SUITE(outcome_exceptions, leaves_nothing)

BOOST_AUTO_TEST_CASE(exceptions_without_a_text_of_their_own_arrive_as_themselves) {
    expect_same(std::exception(), arrived([] { throw std::exception(); }));
    expect_same(std::bad_alloc(), arrived([] { throw std::bad_alloc(); }));
    expect_same(std::bad_array_new_length(), arrived([] { throw std::bad_array_new_length(); }));
    expect_same(std::bad_cast(), arrived([] { throw std::bad_cast(); }));
    expect_same(std::bad_typeid(), arrived([] { throw std::bad_typeid(); }));
    expect_same(std::bad_exception(), arrived([] { throw std::bad_exception(); }));
    expect_same(std::bad_function_call(), arrived([] { std::function<void()>()(); }));
    expect_same(std::bad_weak_ptr(), arrived([] { throw std::bad_weak_ptr(); }));
    expect_same(std::bad_optional_access(), arrived([] { (void)std::optional<int>().value(); }));
    expect_same(std::bad_any_cast(), arrived([] { (void)std::any_cast<int>(std::any()); }));
}

BOOST_AUTO_TEST_CASE(bad_variant_access_arrives_as_itself) {
    // Its text depends on where it is thrown, and it cannot be constructed with one.
    expect<std::bad_variant_access>(arrived([] { (void)std::get<0>(std::variant<int, char>('a')); }),
                                    [](const std::bad_variant_access&) {});
}

BOOST_AUTO_TEST_CASE(logic_errors_arrive_as_themselves) {
    expect_same(std::logic_error("why"), arrived([] { throw std::logic_error("why"); }));
    expect_same(std::domain_error("why"), arrived([] { throw std::domain_error("why"); }));
    expect_same(std::invalid_argument("why"), arrived([] { throw std::invalid_argument("why"); }));
    expect_same(std::length_error("why"), arrived([] { throw std::length_error("why"); }));
    expect_same(std::out_of_range("why"), arrived([] { throw std::out_of_range("why"); }));
}

BOOST_AUTO_TEST_CASE(runtime_errors_arrive_as_themselves) {
    expect_same(std::runtime_error("why"), arrived([] { throw std::runtime_error("why"); }));
    expect_same(std::range_error("why"), arrived([] { throw std::range_error("why"); }));
    expect_same(std::overflow_error("why"), arrived([] { throw std::overflow_error("why"); }));
    expect_same(std::underflow_error("why"), arrived([] { throw std::underflow_error("why"); }));
    expect_same(std::runtime_error(""), arrived([] { throw std::runtime_error(""); }));
}

BOOST_AUTO_TEST_CASE(a_future_error_arrives_as_itself) {
    expect<std::future_error>(
        arrived([] { throw std::future_error(std::future_errc::no_state); }),
        [](const std::future_error& e) { BOOST_TEST((e.code() == std::future_errc::no_state)); });
}

BOOST_AUTO_TEST_CASE(a_regex_error_arrives_as_itself) {
    expect<std::regex_error>(
        arrived([] { throw std::regex_error(std::regex_constants::error_brack); }),
        [](const std::regex_error& e) { BOOST_TEST((e.code() == std::regex_constants::error_brack)); });
}

BOOST_AUTO_TEST_CASE(a_system_error_arrives_with_its_code) {
    const std::system_error original(ENOENT, std::generic_category(), "opening it");
    const auto exception =
        arrived([] { throw std::system_error(ENOENT, std::generic_category(), "opening it"); });
    expect_same(original, exception);
    expect<std::system_error>(exception, [&](const auto& e) { BOOST_TEST((e.code() == original.code())); });
}

BOOST_AUTO_TEST_CASE(a_system_error_keeps_its_category) {
    const auto system = arrived([] { throw std::system_error(5, std::system_category(), "a"); });
    expect<std::system_error>(
        system, [](const auto& e) { BOOST_TEST((e.code() == std::error_code(5, std::system_category()))); });
    const auto iostream =
        arrived([] { throw std::system_error(make_error_code(std::io_errc::stream), "a"); });
    expect<std::system_error>(iostream,
                              [](const auto& e) { BOOST_TEST((e.code() == std::io_errc::stream)); });
}

BOOST_AUTO_TEST_CASE(a_system_error_without_a_text_says_the_same) {
    expect_same(std::system_error(ENOENT, std::generic_category()),
                arrived([] { throw std::system_error(ENOENT, std::generic_category()); }));
}

BOOST_AUTO_TEST_CASE(a_system_error_of_an_unknown_category_is_not_taken_for_another_ones) {
    const auto exception =
        arrived([] { throw std::system_error(make_error_code(std::future_errc::no_state), "a"); });
    try {
        std::rethrow_exception(exception);
    } catch (const std::system_error& e) {
        BOOST_TEST((e.code() == std::future_errc::no_state), "it became " << e.code() << ", " << e.what());
    } catch (const mp::remote_error&) { // a clear "cannot be rebuilt here"
    }
}

BOOST_AUTO_TEST_CASE(a_stream_failure_arrives_as_itself) {
    const std::ios_base::failure original("reading", std::io_errc::stream);
    const auto exception = arrived([] { throw std::ios_base::failure("reading", std::io_errc::stream); });
    expect_same(original, exception);
    expect<std::ios_base::failure>(exception,
                                   [](const auto& e) { BOOST_TEST((e.code() == std::io_errc::stream)); });
}

BOOST_AUTO_TEST_CASE(a_filesystem_error_arrives_with_its_paths) {
    const auto exception = arrived([] {
        throw std::filesystem::filesystem_error("cannot copy", "/from here", "/to there",
                                                std::make_error_code(std::errc::file_exists));
    });
    expect<std::filesystem::filesystem_error>(exception, [](const auto& e) {
        BOOST_TEST(e.path1() == "/from here");
        BOOST_TEST(e.path2() == "/to there");
        BOOST_TEST((e.code() == std::errc::file_exists));
    });
    expect_same(std::filesystem::filesystem_error("cannot copy", "/from here", "/to there",
                                                  std::make_error_code(std::errc::file_exists)),
                exception);
}

BOOST_AUTO_TEST_CASE(a_filesystem_error_with_fewer_paths_says_the_same) {
    const auto code = std::make_error_code(std::errc::no_such_file_or_directory);
    expect_same(std::filesystem::filesystem_error("a", "/one", code), arrived([] {
                    throw std::filesystem::filesystem_error(
                        "a", "/one", std::make_error_code(std::errc::no_such_file_or_directory));
                }));
    expect_same(std::filesystem::filesystem_error("a", code), arrived([] {
                    throw std::filesystem::filesystem_error(
                        "a", std::make_error_code(std::errc::no_such_file_or_directory));
                }));
}

BOOST_AUTO_TEST_CASE(the_librarys_own_errors_arrive_as_themselves) {
    expect_same(mp::error("why"), arrived([] { throw mp::error("why"); }));
    expect_same(mp::not_initialized(), arrived([] { throw mp::not_initialized(); }));
    expect_same(mp::pool_closed("why"), arrived([] { throw mp::pool_closed("why"); }));
    expect_same(mp::pool_terminated("why"), arrived([] { throw mp::pool_terminated("why"); }));
    expect_same(mp::queue_closed("why"), arrived([] { throw mp::queue_closed("why"); }));
    expect_same(mp::queue_broken("why"), arrived([] { throw mp::queue_broken("why"); }));
    expect_same(mp::broken_barrier("why"), arrived([] { throw mp::broken_barrier("why"); }));
    expect_same(mp::not_encodable("why"), arrived([] { throw mp::not_encodable("why"); }));
    expect_same(mp::decode_failed("why"), arrived([] { throw mp::decode_failed("why"); }));
}

BOOST_AUTO_TEST_CASE(worker_died_arrives_with_what_it_knows) {
    const auto thrower = [] {
        throw mp::worker_died(4711, -9, "killed",
                              {.task = 5,
                               .function = "f",
                               .core_dumped = true,
                               .peak_memory = 6,
                               .out_of_memory = true,
                               .last_output = "output",
                               .stack_trace = "trace"});
    };
    expect<mp::worker_died>(arrived(thrower), [](const auto& e) {
        BOOST_TEST(e.pid() == 4711);
        BOOST_TEST(e.exit_code() == -9);
        BOOST_TEST(e.what() == "killed"s);
        BOOST_TEST((e.details() == mp::worker_death{5, "f", true, 6, true, "output", "trace"}));
    });
}

BOOST_AUTO_TEST_CASE(start_failed_arrives_with_its_code) {
    expect<mp::start_failed>(arrived([] {
                                 throw mp::start_failed(std::make_error_code(std::errc::not_enough_memory),
                                                        "no room");
                             }),
                             [](const auto& e) {
                                 BOOST_TEST((e.code() == std::errc::not_enough_memory));
                                 BOOST_TEST(e.what() == "no room"s);
                             });
}

BOOST_AUTO_TEST_CASE(start_failed_says_the_same_even_if_it_ends_with_the_codes_message) {
    // It does in practice: its text is made from that of a system_error.
    const auto make = [] {
        const auto code = std::make_error_code(std::errc::not_enough_memory);
        return mp::start_failed(code, "cannot start: " + code.message());
    };
    expect_same(make(), arrived([] {
                    const auto code = std::make_error_code(std::errc::not_enough_memory);
                    throw mp::start_failed(code, "cannot start: " + code.message());
                }));
}

BOOST_AUTO_TEST_CASE(an_unknown_exception_arrives_as_a_remote_error) {
    expect<mp::remote_error>(arrived([] { throw unknown_error("why"); }), [](const auto& e) {
        BOOST_TEST(e.type_name() == "(anonymous namespace)::unknown_error");
        BOOST_TEST(e.what() == "why"s);
    });
}

BOOST_AUTO_TEST_CASE(what_is_not_an_exception_arrives_as_a_remote_error) {
    expect<mp::remote_error>(arrived([] { throw 42; }),
                             [](const auto& e) { BOOST_TEST(e.type_name() == "int"); });
    expect<mp::remote_error>(arrived([] { throw not_an_exception(); }), [](const auto& e) {
        BOOST_TEST(e.type_name() == "(anonymous namespace)::not_an_exception");
    });
}

BOOST_AUTO_TEST_CASE(a_remote_error_that_travels_on_still_tells_the_first_type) {
    expect<mp::remote_error>(arrived([] { throw mp::remote_error("my::type", "why"); }), [](const auto& e) {
        BOOST_TEST(e.type_name() == "my::type");
        BOOST_TEST(e.what() == "why"s);
    });
}

BOOST_AUTO_TEST_CASE(a_registered_exception_arrives_as_itself) {
    mp::register_exception<registered_error>();
    expect_same(registered_error("why"), arrived([] { throw registered_error("why"); }));
}

BOOST_AUTO_TEST_CASE(an_exception_derived_from_a_registered_one_is_not_taken_for_it) {
    mp::register_exception<registered_error>();
    expect<mp::remote_error>(arrived([] { throw derived_from_registered("why"); }), [](const auto& e) {
        BOOST_TEST(e.type_name() == "(anonymous namespace)::derived_from_registered");
    });
}

BOOST_AUTO_TEST_CASE(a_final_exception_can_be_registered) {
    mp::register_exception<final_error>();
    expect_same(final_error("why"), arrived([] { throw final_error("why"); }));
}

BOOST_AUTO_TEST_CASE(nested_exceptions_stay_nested) {
    const auto exception = arrived([] {
        try {
            try {
                throw std::out_of_range("innermost");
            } catch (...) {
                std::throw_with_nested(std::system_error(ENOENT, std::generic_category(), "middle"));
            }
        } catch (...) {
            std::throw_with_nested(std::runtime_error("outermost"));
        }
    });
    const auto chain = texts_in(exception);
    const std::vector<std::string> expected{
        "outermost", std::system_error(ENOENT, std::generic_category(), "middle").what(), "innermost"};
    BOOST_TEST(chain == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_carrier_is_still_what_it_was) {
    const auto exception = arrived([] {
        try {
            throw 42;
        } catch (...) {
            std::throw_with_nested(std::out_of_range("outer"));
        }
    });
    BOOST_CHECK_THROW(std::rethrow_exception(exception), std::out_of_range);
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), mp::remote_error);
    }
}

BOOST_AUTO_TEST_CASE(an_unknown_carrier_tells_its_own_type) {
    const auto exception = arrived([] {
        try {
            throw std::out_of_range("inner");
        } catch (...) {
            std::throw_with_nested(unknown_error("outer"));
        }
    });
    try {
        std::rethrow_exception(exception);
    } catch (const mp::remote_error& e) {
        BOOST_TEST(e.type_name() ==
                   "(anonymous namespace)::unknown_error"); // not std::_Nested_exception<...>
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), std::out_of_range);
    }
}

BOOST_AUTO_TEST_CASE(a_registered_exception_may_carry_another) {
    mp::register_exception<registered_error>();
    const auto exception = arrived([] {
        try {
            throw registered_error("inner");
        } catch (...) {
            std::throw_with_nested(registered_error("outer"));
        }
    });
    try {
        std::rethrow_exception(exception);
    } catch (const registered_error& e) {
        BOOST_TEST(e.what() == "outer"s);
        BOOST_CHECK_THROW(std::rethrow_if_nested(e), registered_error);
    }
}

BOOST_AUTO_TEST_CASE(a_carrier_of_nothing_arrives) {
    const auto exception = arrived([] { std::throw_with_nested(std::runtime_error("outer")); });
    BOOST_CHECK_THROW(std::rethrow_exception(exception), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(of_a_very_long_chain_of_exceptions_the_outermost_arrive) {
    const auto chain = texts_in(arrived([] { throw_chain(2000); }));
    BOOST_TEST_REQUIRE(chain.size() >= 100U);
    BOOST_TEST(chain[0] == "2000");
    BOOST_TEST(chain[99] == "1901");
}

BOOST_AUTO_TEST_CASE(a_description_names_type_text_and_what_is_nested) {
    std::string text;
    try {
        try {
            throw std::out_of_range("inner");
        } catch (...) {
            std::throw_with_nested(unknown_error("outer"));
        }
    } catch (...) {
        text = detail::describe(std::current_exception());
    }
    BOOST_TEST(text.find("unknown_error") != std::string::npos);
    BOOST_TEST(text.find("outer") != std::string::npos);
    BOOST_TEST(text.find("std::out_of_range: inner") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
