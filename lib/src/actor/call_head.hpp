// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/function.hpp>
#include <multiprocessing/pool_options.hpp>
#include <multiprocessing/serialize.hpp>

/// What a call that comes from another process says of itself, before the call proper.
namespace multiprocessing::detail {

struct call_head {
    task_options options; ///< without a predicate
    function_name function;
    bool takes_stop_token = false;

    void encode(encoder& out) const {
        out.put(options.timeout);
        out.put(options.max_retries);
        out.put(options.stop_grace);
        out.put(options.capture);
        out.put(takes_stop_token);
        // A place in the program can be looked at whatever it is; a type's description cannot.
        const bool is_place = function.address != nullptr;
        out.put(is_place);
        if (is_place) {
            put_code_address(out, function.address);
        } else {
            out.put(function.text());
        }
    }

    static call_head decode(decoder& in) {
        call_head head;
        head.options.timeout = in.get<decltype(task_options::timeout)>();
        head.options.max_retries = in.get<decltype(task_options::max_retries)>();
        head.options.stop_grace = in.get<decltype(task_options::stop_grace)>();
        head.options.capture = in.get<bool>();
        head.takes_stop_token = in.get<bool>();
        if (in.get<bool>()) {
            head.function.address = get_code_address(in);
        } else {
            head.function.told = std::make_shared<const std::string>(in.get<std::string>());
        }
        return head;
    }
};

} // namespace multiprocessing::detail
