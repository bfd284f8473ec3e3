// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/outcome.hpp"

#include "support/leaves_nothing.hpp"
#include "support/outcomes.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/exception.hpp>

#include <any>
#include <boost/core/demangle.hpp>
#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <exception>
#include <functional>
#include <future>
#include <ios>
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

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::string_literals;

namespace {

/// Thrown there, rebuilt here. `thrower` must be captureless.
template <class Thrower>
std::exception_ptr arrived(Thrower thrower) {
    const auto outcome = outcome_of(thrower);
    BOOST_TEST_REQUIRE(!detail::is_value(outcome.bytes));
    return detail::exception_in(outcome.bytes);
}

/// Calls `check` with the exception, which must be exactly an E.
template <class E, class Check>
void expect(const std::exception_ptr& exception, Check check) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        BOOST_TEST_REQUIRE((typeid(e) == typeid(E)),
                           "it is a " << boost::core::demangle(typeid(e).name()) << ": " << e.what());
        check(dynamic_cast<const E&>(e));
    }
}

/// An E arrives as exactly an E that says the same.
template <class E>
void expect_same(const E& original, const std::exception_ptr& exception) {
    expect<E>(exception, [&](const E& e) { BOOST_TEST(e.what() == original.what()); });
}

/// What an exception and those nested inside say.
std::vector<std::string> texts_of(std::exception_ptr exception) {
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

/// Outcome bytes of so many exceptions, each nested inside the one before.
detail::bytes nested_outcome(std::size_t count) {
    detail::bytes outcome;
    mp::encoder out(outcome);
    out.put(std::uint8_t{1});
    out.put(std::vector<detail::exception_record>(
        count, {.type = typeid(std::runtime_error).name(), .what = "why", .carries_another = true}));
    return outcome;
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
struct not_encodable_result {
    template <class Archive>
    void serialize(Archive&, unsigned) {
        if (Archive::is_saving::value) {
            throw mp::not_encodable("not this one");
        }
    }
};
struct half_encodable_result {
    std::string text = "much text";
    not_encodable_result rest{};
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(outcome, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_value_is_a_value) {
    const auto outcome = outcome_of([] { return "a"s; });
    BOOST_TEST(detail::is_value(outcome.bytes));
    BOOST_TEST(mp::decode<std::string>(detail::value_in(outcome.bytes)) == "a");
}

BOOST_AUTO_TEST_CASE(nothing_is_a_value_as_well) {
    const auto outcome = outcome_of([] {});
    BOOST_TEST(detail::is_value(outcome.bytes));
    BOOST_TEST(detail::value_in(outcome.bytes).empty());
}

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
    expect_same(mp::not_encodable("why"), arrived([] { throw mp::not_encodable("why"); }));
    expect_same(mp::decode_failed("why"), arrived([] { throw mp::decode_failed("why"); }));
}

BOOST_AUTO_TEST_CASE(worker_died_arrives_with_what_it_knows) {
    expect<mp::worker_died>(arrived([] { throw mp::worker_died(4711, -9, "killed"); }), [](const auto& e) {
        BOOST_TEST(e.pid() == 4711);
        BOOST_TEST(e.exit_code() == -9);
        BOOST_TEST(e.what() == "killed"s);
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

BOOST_AUTO_TEST_CASE(resource_error_arrives_with_its_code) {
    expect<mp::resource_error>(arrived([] {
                                   throw mp::resource_error(
                                       std::make_error_code(std::errc::no_space_on_device), "cannot put");
                               }),
                               [](const auto& e) {
                                   BOOST_TEST((e.code() == std::errc::no_space_on_device));
                                   BOOST_TEST(e.what() == "cannot put"s);
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
    const std::vector<std::string> expected{
        "outermost", std::system_error(ENOENT, std::generic_category(), "middle").what(), "innermost"};
    BOOST_TEST(texts_of(exception) == expected, boost::test_tools::per_element());
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

BOOST_AUTO_TEST_CASE(of_very_many_nested_exceptions_the_outer_ones_arrive) {
    const auto texts = texts_of(arrived([] {
        auto nested = std::make_exception_ptr(std::runtime_error("1000"));
        for (int i = 999; i != 0; --i) {
            try {
                try {
                    std::rethrow_exception(nested);
                } catch (...) {
                    std::throw_with_nested(std::runtime_error(std::to_string(i)));
                }
            } catch (...) {
                nested = std::current_exception();
            }
        }
        std::rethrow_exception(nested);
    }));
    BOOST_TEST_REQUIRE(texts.size() == 100U);
    BOOST_TEST(texts.front() == "1");
    BOOST_TEST(texts[98] == "99");
    BOOST_TEST(texts.back() == "what is nested further was left behind");
}

BOOST_AUTO_TEST_CASE(as_many_nested_exceptions_as_nobody_records_are_a_decode_failure) {
    BOOST_TEST(texts_of(detail::exception_in(nested_outcome(100))).size() == 100U);
    BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(nested_outcome(101))), mp::decode_failed);
    BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(nested_outcome(1'000'000))),
                      mp::decode_failed);
    BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(nested_outcome(0))), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(a_value_that_cannot_be_encoded_is_an_exception) {
    expect<mp::not_encodable>(arrived([] { return not_encodable_result(); }), [](const auto&) {});
    // What had been encoded of it before is gone.
    expect<mp::not_encodable>(arrived([] { return half_encodable_result(); }), [](const auto&) {});
}

BOOST_AUTO_TEST_CASE(arguments_that_cannot_be_decoded_are_an_exception) {
    const auto call = detail::make_call([](const std::string&) {}, "text");
    mp::decoder in(std::span(call.encoded).first(call.encoded.size() - 1));
    detail::bytes outcome;
    detail::run_to_outcome(in, outcome);
    BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(outcome)), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(an_outcome_is_appended_to_what_is_there) {
    const auto call = detail::make_call([] { return 5; });
    mp::decoder in(call.encoded);
    detail::bytes bytes(3);
    detail::run_to_outcome(in, bytes);
    const auto outcome = std::span(bytes).subspan(3);
    BOOST_TEST(mp::decode<int>(detail::value_in(outcome)) == 5);
}

BOOST_AUTO_TEST_CASE(bytes_that_are_no_outcome_are_recognised) {
    BOOST_CHECK_THROW((void)detail::is_value({}), mp::decode_failed);
    const std::byte neither[] = {std::byte{2}};
    BOOST_CHECK_THROW((void)detail::is_value(neither), mp::decode_failed);
}

BOOST_AUTO_TEST_CASE(an_exception_cut_short_is_a_decode_failure) {
    const auto outcome = outcome_of([] { throw std::runtime_error("why"); });
    for (std::size_t size = 1; size != outcome.bytes.size(); ++size) {
        BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(outcome.bytes.first(size))),
                          mp::decode_failed);
    }
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
