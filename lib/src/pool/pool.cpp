// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/pool.hpp>

#include "os/copy.hpp"
#include "pool/pool_core.hpp"
#include "start/log.hpp"

#include <new>
#include <system_error>

namespace multiprocessing {

namespace detail {

std::shared_ptr<pool_core> start_pool(const pool_options& options) {
    try {
        return std::make_shared<pool_core>(options);
    } catch (const start_failed&) {
        throw;
    } catch (const resource_error& e) { // what a pool needs was not to be had
        throw start_failed(e.code(), std::string("cannot start a pool: ") + e.what());
    } catch (const std::system_error& e) { // a thread
        throw start_failed(e.code(), std::string("cannot start a pool: ") + e.what());
    } catch (const std::bad_alloc&) {
        throw start_failed(std::make_error_code(std::errc::not_enough_memory),
                           "cannot start a pool: out of memory");
    }
}

void end_pool(const std::shared_ptr<pool_core>& pool) noexcept {
    if (pool->is_made_here()) {
        pool->terminate();
        (void)pool->join(steady_time::max());
    } else {
        os::abandon(pool);
    }
}

} // namespace detail

pool::pool(pool_options options) : core_(detail::start_pool(options)) {}

pool::~pool() {
    if (core_) {
        detail::end_pool(core_);
    }
}

pool::pool(pool&&) noexcept = default;

pool& pool::operator=(pool&& other) noexcept {
    pool old(std::move(other)); // what was here ends at the end of this scope
    core_.swap(old.core_);
    return *this;
}

detail::memory_source* pool::memory() noexcept {
    return &core_->memory_for_tasks();
}

void pool::submit(detail::call&& call, std::shared_ptr<detail::completion> completion, std::size_t part,
                  const task_options& options) {
    core_->submit(std::move(call), std::move(completion), part, options, detail::when_full::wait);
}

bool pool::try_submit(detail::call&& call, std::shared_ptr<detail::completion> completion,
                      const task_options& options) {
    return core_->submit(std::move(call), std::move(completion), 0, options, detail::when_full::refuse);
}

void pool::submit_at_once(detail::call&& call, std::shared_ptr<detail::completion> completion,
                          const task_options& options) {
    core_->submit(std::move(call), std::move(completion), 0, options, detail::when_full::exceed);
}

void pool::set_initializer(detail::call call) {
    core_->set_initializer(std::move(call));
}

void pool::close() {
    detail::note(log_level::info, [] { return std::string("a pool is closed"); });
    core_->close();
}

void pool::terminate() {
    detail::note(log_level::info, [] { return std::string("a pool is terminated"); });
    core_->terminate();
}

bool pool::join_before(const detail::wait_limit& limit) {
    return core_->join(limit);
}

std::size_t pool::size() const noexcept {
    return core_->size();
}

std::size_t pool::in_flight() const noexcept {
    return core_->in_flight();
}

std::vector<long> pool::pids() const {
    return core_->pids();
}

pool_stats pool::stats() const {
    return core_->stats();
}

} // namespace multiprocessing
