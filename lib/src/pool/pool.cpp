// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include "os/copy.hpp"
#include "pool/pool_core.hpp"
#include "start/log.hpp"

#include <new>
#include <system_error>
#include <utility>

namespace multiprocessing {

namespace detail {

std::shared_ptr<pool_core> start_pool(const pool_options& options, wording words) {
    const auto what = "cannot start " + words.a_pool + ": ";
    try {
        return std::make_shared<pool_core>(options, std::move(words));
    } catch (const start_failed&) {
        throw;
    } catch (const resource_error& e) { // what a pool needs was not to be had
        throw start_failed(e.code(), what + e.what());
    } catch (const std::system_error& e) { // a thread
        throw start_failed(e.code(), what + e.what());
    } catch (const std::bad_alloc&) {
        throw start_failed(std::make_error_code(std::errc::not_enough_memory), what + "out of memory");
    }
}

void end_pool(const std::shared_ptr<task_runner>& pool) noexcept {
    if (pool->is_made_here()) {
        pool->terminate();
        (void)pool->join(steady_time::max());
    } else {
        os::abandon(pool);
    }
}

} // namespace detail

basic_pool::~basic_pool() {
    if (core_) {
        detail::end_pool(core_);
    }
}

basic_pool& basic_pool::operator=(basic_pool&& other) noexcept {
    basic_pool old(std::move(other)); // what was here ends at the end of this scope
    core_.swap(old.core_);
    return *this;
}

void basic_pool::close() {
    detail::note(log_level::info, [] { return std::string("a pool is closed"); });
    core_->close();
}

void basic_pool::terminate() {
    detail::note(log_level::info, [] { return std::string("a pool is terminated"); });
    core_->terminate();
}

pool::pool(pool_options options) : basic_pool(detail::start_pool(options)) {}

std::vector<long> pool::pids() const {
    return static_cast<detail::pool_core&>(core()).pids();
}

} // namespace multiprocessing
