// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/outcome.hpp"

#include "support/leaves_nothing.hpp"
#include "support/outcomes.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/exception.hpp>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <regex>
#include <span>
#include <stdexcept>
#include <string>
#include <typeinfo>

// Outcomes as bytes: values, what cannot be encoded or decoded, and bytes that nobody should believe. The
// exceptions in them are in outcome_exceptions.

namespace mp = multiprocessing;
namespace detail = multiprocessing::detail;
using namespace std::string_literals;

namespace {

/// The outcome of a task that failed with such an exception, if one can believe it.
detail::bytes outcome_with(const detail::exception_record& record) {
    detail::bytes outcome;
    mp::encoder out(outcome);
    out.put(std::byte{1});
    out.put(record);
    return outcome;
}

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
    BOOST_TEST(detail::is_value(outcome.bytes()));
    BOOST_TEST(mp::decode<std::string>(detail::value_in(outcome.bytes())) == "a");
}

BOOST_AUTO_TEST_CASE(nothing_is_a_value_as_well) {
    const auto outcome = outcome_of([] {});
    BOOST_TEST(detail::is_value(outcome.bytes()));
    BOOST_TEST(detail::value_in(outcome.bytes()).empty());
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
    for (std::size_t size = 1; size != outcome.bytes().size(); ++size) {
        BOOST_CHECK_THROW(std::rethrow_exception(detail::exception_in(outcome.bytes().first(size))),
                          mp::decode_failed);
    }
}

BOOST_AUTO_TEST_CASE(a_type_name_that_expands_without_end_is_not_expanded) {
    // T<T<a, a>, T<a, a>> and so on, 25 levels deep: 174 characters that stand for 200 MB.
    std::string type = "1TI";
    for (int level = 1; level != 25; ++level) {
        type += "S_I";
    }
    type += "1a";
    for (int level = 1; level != 26; ++level) {
        const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
        type += "S"s + digits[level - 1] + "_E";
    }
    const auto outcome = outcome_with({.type = type, .what = "why"});
    expect<mp::remote_error>(detail::exception_in(outcome),
                             [&](const auto& e) { BOOST_TEST(e.type_name().size() <= type.size()); });
}

BOOST_AUTO_TEST_CASE(a_regex_error_with_a_code_that_there_is_not_is_a_decode_failure) {
    for (const std::int64_t code : {std::int64_t{-1}, std::int64_t{1000}, std::int64_t{1} << 40}) {
        const auto outcome = outcome_with({.type = typeid(std::regex_error).name(), .code = code});
        expect<mp::decode_failed>(detail::exception_in(outcome), [](const auto&) {});
    }
}

BOOST_AUTO_TEST_CASE(exceptions_nested_without_end_are_a_decode_failure) {
    detail::bytes outcome;
    mp::encoder out(outcome);
    out.put(std::byte{1}); // an exception
    const auto with_nothing_inside = mp::encode(detail::exception_record{.carries_another = true});
    for (int level = 0; level != 100'000; ++level) {
        out.save_binary(with_nothing_inside.data(), with_nothing_inside.size() - sizeof(std::uint64_t));
        out.put(std::uint64_t{1}); // but one
    }
    expect<mp::decode_failed>(detail::exception_in(outcome), [](const auto&) {});
}

BOOST_AUTO_TEST_SUITE_END()
