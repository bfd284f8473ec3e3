// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "start/launch.hpp"

#include "child/bootstrap.hpp"

#include <multiprocessing/error.hpp>

#include <new>
#include <system_error>

namespace multiprocessing::detail {

std::unique_ptr<child_process> launch(start_method method, const launch_request& request) {
    if (!program_arguments()) {
        throw not_initialized();
    }
    reap_detached_children();
    try {
        switch (method) {
        case start_method::spawn:
            return spawn(request);
        }
    } catch (const resource_error& e) { // what a start needs was not to be had
        throw start_failed(e.code(), "cannot start process " + request.name + ": " + e.what());
    } catch (const std::system_error& e) {
        throw start_failed(e.code(), "cannot start process " + request.name + ": " + e.what());
    } catch (const std::bad_alloc&) {
        throw start_failed(std::make_error_code(std::errc::not_enough_memory),
                           "cannot start process " + request.name + ": out of memory");
    }
    throw std::invalid_argument("multiprocessing: no such start method");
}

} // namespace multiprocessing::detail
