// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "child/outcome.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/function.hpp>

#include <boost/core/demangle.hpp>
#include <boost/test/unit_test.hpp>
#include <exception>
#include <memory>
#include <typeinfo>
#include <utility>

/// What a worker would send for the call `f(args...)`.
template <class F, class... Args>
multiprocessing::detail::payload outcome_of(const F& f, const Args&... args) {
    namespace detail = multiprocessing::detail;
    const auto call = detail::make_call(f, args...);
    multiprocessing::decoder in(call.encoded);
    auto bytes = std::make_shared<detail::bytes>();
    detail::run_to_outcome(in, *bytes);
    const std::span<const std::byte> outcome(*bytes);
    return {std::move(bytes), outcome};
}

/// What a pool does when a result arrives.
inline void deliver(multiprocessing::detail::completion& to, std::size_t part,
                    multiprocessing::detail::payload outcome) {
    to.deliver(part, std::move(outcome));
    to.part_is_complete();
}

/// Thrown there, rebuilt here. `thrower` must be captureless.
template <class Thrower>
std::exception_ptr arrived(Thrower thrower) {
    namespace detail = multiprocessing::detail;
    const auto outcome = outcome_of(thrower);
    BOOST_TEST_REQUIRE(!detail::is_value(outcome.bytes()));
    return detail::exception_in(outcome.bytes());
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
