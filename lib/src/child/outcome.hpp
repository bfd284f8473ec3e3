// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/serialize.hpp>

#include <exception>

#pragma GCC visibility push(default) // for our other libraries

/// A task's outcome as bytes: the value it returned, or the exception that left it.
namespace multiprocessing::detail {

/// Runs the call in `in` and appends its outcome to `out`. An exception, also one from decoding the arguments
/// or from encoding the value, becomes the outcome.
void run_to_outcome(decoder& in, bytes& out);

/// Appends the outcome that consists of this value, which is encoded.
void put_value(std::span<const std::byte> value, bytes& out);
/// Appends the outcome that consists of this exception.
void put_exception(const std::exception_ptr& exception, bytes& out);
/// That outcome. Who takes it rebuilds the exception, and shares none with another thread.
[[nodiscard]] payload outcome_of(const std::exception_ptr& exception);

/// Whether the outcome is a value. Throws `decode_failed`.
[[nodiscard]] bool is_value(std::span<const std::byte> outcome);
/// Whether it is an exception: false also when it is no outcome at all.
[[nodiscard]] bool is_exception(std::span<const std::byte> outcome) noexcept;
/// The encoded value in an outcome that is one.
[[nodiscard]] std::span<const std::byte> value_in(std::span<const std::byte> outcome);
/// The exception in an outcome that is not a value, rebuilt; `remote_error` when its type is not known here.
[[nodiscard]] std::exception_ptr exception_in(std::span<const std::byte> outcome);

/// What `std::exception_ptr` holds, for people: type and what(), and what is nested inside.
[[nodiscard]] std::string describe(const std::exception_ptr& exception);

} // namespace multiprocessing::detail

#pragma GCC visibility pop
