// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "child/outcome.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/function.hpp>

#include <memory>

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
