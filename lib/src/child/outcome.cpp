// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "child/outcome.hpp"

#include "wire/payload.hpp"

#include <multiprocessing/exception.hpp>
#include <multiprocessing/function.hpp>

#include <any>
#include <atomic>
#include <boost/core/demangle.hpp>
#include <cxxabi.h>
#include <future>
#include <ios>
#include <new>
#include <optional>
#include <regex>
#include <string_view>
#include <type_traits>
#include <variant>

namespace multiprocessing::detail {
namespace {

/// A type's name for people: without what std::throw_with_nested wraps it in. To be asked of types that are
/// known here, not of names from another process: some of 200 characters expand to gigabytes.
std::string readable(const std::type_info& type) {
    auto name = boost::core::demangle(type.name());
    constexpr std::string_view wrapper = "std::_Nested_exception<";
    if (name.starts_with(wrapper) && name.ends_with('>')) {
        name = name.substr(wrapper.size(), name.size() - wrapper.size() - 1);
    }
    return name;
}

/// Of a chain of nested exceptions, so many travel, the outermost. More than that nobody reads, and it is
/// well below what `most_levels` allows.
constexpr unsigned longest_chain = 100;

enum class tag : std::uint8_t { value, exception };

/// Nothing for a category that this process does not know.
std::optional<std::error_code> code_in(const exception_record& record) {
    for (const auto* category : {&std::generic_category(), &std::system_category(), &std::iostream_category(),
                                 &std::future_category()}) {
        if (record.category == category->name()) {
            return std::error_code(static_cast<int>(record.code), *category);
        }
    }
    return std::nullopt;
}

/// What was passed to a system_error's constructor: it appends the code's message itself.
std::string without_message(const exception_record& record, const std::error_code& code) {
    const auto suffix = ": " + code.message();
    return record.what.ends_with(suffix) ? record.what.substr(0, record.what.size() - suffix.size())
                                         : record.what;
}

template <class E>
E make_simple(const exception_record& record) {
    if constexpr (std::is_constructible_v<E, const std::string&>) {
        return E(record.what);
    } else {
        return E();
    }
}

std::system_error make_system_error(const exception_record& record) {
    const auto code = code_in(record).value_or(std::error_code());
    return record.what == code.message() ? std::system_error(code)
                                         : std::system_error(code, without_message(record, code));
}

std::ios_base::failure make_stream_failure(const exception_record& record) {
    const auto code = code_in(record).value_or(std::error_code());
    return std::ios_base::failure(without_message(record, code), code);
}

std::filesystem::filesystem_error make_filesystem_error(const exception_record& record) {
    const auto code = code_in(record).value_or(std::error_code());
    const auto text = without_message(record, code);
    switch (record.paths.size()) {
    case 0:
        return {text, code};
    case 1:
        return {text, record.paths[0], code};
    default:
        return {text, record.paths[0], record.paths[1], code};
    }
}

std::future_error make_future_error(const exception_record& record) {
    return std::future_error(static_cast<std::future_errc>(record.code));
}

std::regex_error make_regex_error(const exception_record& record) {
    if (record.code < 0 || record.code > std::regex_constants::error_stack) { // the last of the enumeration
        throw decode_failed("a regex_error with a code that there is not");
    }
    return std::regex_error(static_cast<std::regex_constants::error_type>(record.code));
}

template <class E>
E make_resource_error(const exception_record& record) {
    return E(code_in(record).value_or(std::error_code()), record.what);
}

worker_died make_worker_died(const exception_record& record) {
    return {static_cast<long>(record.pid), static_cast<int>(record.code), record.what,
            record.death.value_or(worker_death{})};
}

template <class... E>
void add_simple(std::vector<exception_type>& types) {
    (types.push_back(describe_exception<E>(&make_simple<E>)), ...);
}
std::vector<exception_type> known_from_the_start() {
    std::vector<exception_type> types;
    add_simple<std::exception, std::bad_alloc, std::bad_array_new_length, std::bad_cast, std::bad_typeid,
               std::bad_exception, std::bad_function_call, std::bad_weak_ptr, std::bad_optional_access,
               std::bad_variant_access, std::bad_any_cast>(types);
    add_simple<std::logic_error, std::domain_error, std::invalid_argument, std::length_error,
               std::out_of_range, std::runtime_error, std::range_error, std::overflow_error,
               std::underflow_error>(types);
    add_simple<error, not_initialized, node_lost, task_timed_out, task_cancelled, pool_closed,
               pool_terminated, actor_lost, queue_closed, queue_broken, broken_barrier, not_encodable,
               decode_failed>(types);
    types.push_back(describe_exception<std::system_error>(&make_system_error));
    types.push_back(describe_exception<std::ios_base::failure>(&make_stream_failure));
    types.push_back(describe_exception<std::filesystem::filesystem_error>(&make_filesystem_error));
    types.push_back(describe_exception<std::future_error>(&make_future_error));
    types.push_back(describe_exception<std::regex_error>(&make_regex_error));
    types.push_back(describe_exception<resource_error>(&make_resource_error<resource_error>));
    types.push_back(describe_exception<start_failed>(&make_resource_error<start_failed>));
    types.push_back(describe_exception<worker_died>(&make_worker_died));
    return types;
}

/// Made at the first exception that travels: recognising nested ones costs a throw for each type. Without a
/// mutex, since a copy of this process, whenever it was forked, has to know the same ones.
class exception_types {
public:
    void add(exception_type type) {
        auto* added = new entry{std::move(type), last_.load()};
        while (!last_.compare_exchange_weak(added->before, added)) {
        }
    }

    /// Throws the exception that `record` tells of, with the one being handled inside when it carried one.
    [[noreturn]] void raise(const exception_record& record) {
        const bool rebuildable = record.category.empty() || code_in(record).has_value();
        for (const auto* known = last_.load(); known != nullptr && rebuildable; known = known->before) {
            const auto* type = record.carries_another ? known->type.nested_type : known->type.type;
            if (type != nullptr && record.type == type->name()) {
                known->type.raise(record, record.carries_another);
            }
        }
        const remote_error unknown(record.name, record.what);
        if (record.carries_another) {
            std::throw_with_nested(unknown);
        }
        throw unknown;
    }

    static exception_types& instance() {
        static auto& types = *new exception_types; // never destroyed, as its entries
        return types;
    }

private:
    exception_types() {
        for (auto& type : known_from_the_start()) {
            add(std::move(type));
        }
    }

    struct entry {
        exception_type type;
        entry* before; // the one that was added before
    };
    std::atomic<entry*> last_{nullptr};
};

void note_code(exception_record& record, const std::error_code& code) {
    record.code = code.value();
    record.category = code.category().name();
}

exception_record record_of(const std::exception_ptr& exception, unsigned chain = longest_chain);

/// With at most `chain` exceptions, this one included.
exception_record record_of(const std::exception& e, unsigned chain) {
    exception_record record{.type = typeid(e).name(), .name = readable(typeid(e)), .what = e.what()};
    if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&e)) {
        record.what = file->std::system_error::what(); // its own adds the paths
        for (const auto& path : {file->path1(), file->path2()}) {
            if (!path.empty()) {
                record.paths.push_back(path.string());
            }
        }
        note_code(record, file->code());
    } else if (const auto* system = dynamic_cast<const std::system_error*>(&e)) {
        note_code(record, system->code());
    } else if (const auto* future = dynamic_cast<const std::future_error*>(&e)) {
        note_code(record, future->code());
    } else if (const auto* regex = dynamic_cast<const std::regex_error*>(&e)) {
        record.code = regex->code();
    } else if (const auto* resource = dynamic_cast<const resource_error*>(&e)) {
        note_code(record, resource->code());
    } else if (const auto* died = dynamic_cast<const worker_died*>(&e)) {
        record.code = died->exit_code();
        record.pid = died->pid();
        record.death = died->details();
    } else if (const auto* remote = dynamic_cast<const remote_error*>(&e)) {
        record.type = record.name = remote->type_name(); // through several processes
    }
    if (const auto* carrier = dynamic_cast<const std::nested_exception*>(&e)) {
        record.carries_another = true;
        if (carrier->nested_ptr() && chain > 1) {
            record.nested.push_back(record_of(carrier->nested_ptr(), chain - 1));
        }
    }
    return record;
}

exception_record record_of(const std::exception_ptr& exception, unsigned chain) {
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        return record_of(e, chain);
    } catch (...) {
        const auto* type = abi::__cxa_current_exception_type();
        return {.type = type != nullptr ? type->name() : "unknown",
                .name = type != nullptr ? readable(*type) : "unknown",
                .what = "an exception that is not a std::exception"};
    }
}

[[noreturn]] void raise(const exception_record& record) {
    if (record.nested.empty()) {
        exception_types::instance().raise(record);
    }
    try {
        raise(record.nested.front());
    } catch (...) {
        exception_types::instance().raise(record);
    }
}

void describe(const exception_record& record, std::string& text) {
    text += record.name + ": " + record.what;
    for (const auto& nested : record.nested) {
        text += "\n  caused by ";
        describe(nested, text);
    }
}

std::span<const std::byte> content_of(std::span<const std::byte> outcome) {
    decoder in(outcome);
    (void)in.get<tag>();
    return in.take(in.remaining());
}

} // namespace

void register_exception_type(exception_type type) {
    exception_types::instance().add(std::move(type));
}

void run_to_outcome(decoder& in, bytes& out) {
    const auto start = out.size();
    encoder encode_to(out);
    try {
        encode_to.put(tag::value);
        run_call(in, encode_to);
    } catch (...) {
        out.cut(start); // whatever had been encoded of a value
        put_exception(std::current_exception(), out);
    }
}

void put_value(std::span<const std::byte> value, bytes& out) {
    encoder encode_to(out);
    encode_to.put(tag::value);
    encode_to.save_binary(value.data(), value.size());
}

void put_exception(const std::exception_ptr& exception, bytes& out) {
    encoder encode_to(out);
    encode_to.put(tag::exception);
    encode_to.put(record_of(exception));
}

payload outcome_of(const std::exception_ptr& exception) {
    bytes encoded;
    put_exception(exception, encoded);
    return copy_of(encoded);
}

bool is_value(std::span<const std::byte> outcome) {
    switch (decoder(outcome).get<tag>()) {
    case tag::value:
        return true;
    case tag::exception:
        return false;
    }
    throw decode_failed("an outcome that is neither a value nor an exception");
}

bool is_exception(std::span<const std::byte> outcome) noexcept {
    return !outcome.empty() && outcome.front() == std::byte{static_cast<std::uint8_t>(tag::exception)};
}

std::span<const std::byte> value_in(std::span<const std::byte> outcome) {
    return content_of(outcome);
}

std::exception_ptr exception_in(std::span<const std::byte> outcome) {
    try {
        raise(decode<exception_record>(content_of(outcome)));
    } catch (...) {
        return std::current_exception();
    }
}

std::string describe(const std::exception_ptr& exception) {
    std::string text;
    describe(record_of(exception), text);
    return text;
}

} // namespace multiprocessing::detail
