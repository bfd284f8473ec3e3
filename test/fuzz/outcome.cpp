// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a worker says has become of a task: a value, or an exception that is rebuilt from its record.
#include "fuzz.hpp"

#include "child/outcome.hpp"

#include <multiprocessing/exception.hpp>

#include <exception>
#include <string>

using namespace fuzz;

namespace {

struct registered_error : std::runtime_error {
    using runtime_error::runtime_error;
};

void check_exception(std::span<const std::byte> outcome) {
    const auto exception = mp::detail::exception_in(outcome);
    require(exception != nullptr, "an outcome without a value is an exception");
    // It can be looked at, and travel on.
    (void)mp::detail::describe(exception);
    mp::detail::bytes again;
    mp::detail::put_exception(exception, again);
    require(!mp::detail::is_value(again), "an exception travels on as one");
    try {
        std::rethrow_exception(mp::detail::exception_in(again));
    } catch (const mp::decode_failed& e) {
        try {
            std::rethrow_exception(exception);
        } catch (const mp::decode_failed& original) { // that was the exception, or came of a broken record
            require(std::string(original.what()) == e.what(), "an exception that travels on says the same");
        }
    } catch (const std::exception&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    mp::register_exception<registered_error>();
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto outcome = as_bytes(data, size);
    try {
        if (mp::detail::is_value(outcome)) {
            require(mp::detail::value_in(outcome).size() == size - 1, "the value is all behind the tag");
        } else {
            check_exception(outcome);
        }
    } catch (const mp::decode_failed&) { // neither
    }
    return 0;
}
