// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/copy.hpp"
#include "os/modules.hpp"

#include <multiprocessing/function.hpp>

#include <boost/core/demangle.hpp>
#include <mutex>
#include <unordered_map>

namespace multiprocessing::detail {
namespace {

struct known_names {
    std::mutex mutex; // guards what follows
    std::unordered_map<const void*, std::string> names;
};

} // namespace

// What lies in the program itself needs no name.

void put_code_address(encoder& out, const void* address) {
    if (const auto offset = os::offset_in_program(address); offset != os::not_in_program) {
        out.put(offset);
        out.put(true);
        return;
    }
    const auto place = os::place_of(address);
    out.put(place.offset);
    out.put(false);
    out.put(place.module);
    out.put(place.build_id);
}

const void* get_code_address(decoder& in) {
    const auto offset = in.get<std::uint64_t>();
    const bool is_in_program = in.get<bool>();
    if (const auto* address = is_in_program ? os::address_in_program(offset) : nullptr) {
        return address;
    }
    os::code_place place{.offset = offset};
    if (!is_in_program) {
        place.module = in.get<std::string>();
        place.build_id = in.get<std::string>();
    }
    return os::address_of(place);
}

std::string function_name::text() const {
    if (told != nullptr) {
        return *told;
    }
    if (type != nullptr) {
        return boost::core::demangle(type->name());
    }
    // Symbol tables are read once for each function, not for each of a thousand tasks that are cancelled.
    auto& known = os::one_per_process<known_names>();
    const std::lock_guard lock(known.mutex);
    auto found = known.names.find(address);
    if (found == known.names.end()) {
        auto name = os::function_at(address);
        found = known.names.emplace(address, name.empty() ? "a function without a symbol" : std::move(name))
                    .first;
    }
    return found->second;
}

void run_call(decoder& in, encoder& out) {
    reinterpret_cast<entry_point>(const_cast<void*>(get_code_address(in)))(in, out);
}

} // namespace multiprocessing::detail
