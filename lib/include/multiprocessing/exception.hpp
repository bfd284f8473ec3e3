// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/error.hpp>

#include <concepts>
#include <cstdint>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <vector>

#pragma GCC visibility push(default)

/// Which exceptions arrive in this process as themselves.
namespace multiprocessing {

namespace detail {

/// An exception on its way between processes.
struct exception_record {
    std::string type{}; ///< as std::type_info names it
    std::string name{}; ///< the type's, for people; made where the type is known
    std::string what{};
    std::int64_t code = 0;                  ///< an error code's value, a worker's exit code
    std::string category{};                 ///< of the error code; empty where there is none
    std::int64_t pid = 0;                   ///< of a worker that died
    std::optional<worker_death> death{};    ///< of that worker
    std::vector<std::string> paths{};       ///< of a filesystem_error
    bool carries_another = false;           ///< thrown by std::throw_with_nested
    std::vector<exception_record> nested{}; ///< the exception it carries, if there is one
};

/// How exceptions of one type are recognised and rebuilt.
struct exception_type {
    const std::type_info* type;
    const std::type_info* nested_type = nullptr; ///< what std::throw_with_nested makes of it
    /// Throws one; with the exception that is being handled inside when `carry`.
    std::function<void(const exception_record& record, bool carry)> raise;
};

template <class E, class Make>
exception_type describe_exception(Make make) {
    exception_type result{.type = &typeid(E), .raise = [make](const exception_record& record, bool carry) {
                              if (carry) {
                                  std::throw_with_nested(E(make(record)));
                              }
                              throw E(make(record));
                          }};
    try {
        result.raise({}, true);
    } catch (const std::nested_exception& e) {
        result.nested_type = &typeid(e);
    } catch (...) { // a final class cannot carry another exception
    }
    return result;
}

void register_exception_type(exception_type type);

} // namespace detail

/// From now on an exception of exactly type E that leaves a task arrives in this process as an E, constructed
/// from what(). Standard exceptions need no registration. Thread-safe.
template <class E>
requires std::is_constructible_v<E, const std::string&> && std::derived_from<E, std::exception>
void register_exception() {
    detail::register_exception_type(
        detail::describe_exception<E>([](const detail::exception_record& record) { return E(record.what); }));
}

} // namespace multiprocessing

#pragma GCC visibility pop
