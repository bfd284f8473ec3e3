// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/local_actor.hpp"

#include "actor/directory.hpp"
#include "start/log.hpp"

#include <stdexcept>
#include <utility>

namespace multiprocessing::detail {

local_actor::local_actor(const actor_options& options, call&& make_object)
    : pool_(start_pool({.processes = 1,
                        .start_method = options.start_method,
                        .worker_name = options.name,
                        .replace_workers = options.restart == restart::fresh},
                       wording_of_actors())) {
    pool_->set_initializer(std::move(make_object));
}

local_actor::~local_actor() {
    end_pool(pool_);
    if (!is_made_here()) {
        os::abandon(std::move(server_));
    } else if (server_ != nullptr) {
        const auto address = server_->address();
        server_.reset(); // not before: now it has all outcomes
        own_actor_directory().remove(address);
    }
}

void local_actor::submit(call&& function, std::shared_ptr<completion> state, const task_options& options) {
    pool_->submit(std::move(function), std::move(state), 0, options, when_full::wait);
}

void local_actor::close() {
    note(log_level::info, [] { return std::string("an actor is closed"); });
    pool_->close();
}

void local_actor::terminate() {
    note(log_level::info, [] { return std::string("an actor is terminated"); });
    pool_->terminate();
}

bool local_actor::join(const wait_limit& limit) {
    return pool_->join(limit);
}

long local_actor::pid() {
    const auto pids = pool_->pids();
    return pids.empty() ? 0 : pids.front();
}

const std::string& local_actor::address() {
    if (const auto* const known = address_.load()) {
        return *known;
    }
    if (!is_made_here()) {
        throw std::logic_error(
            "multiprocessing::actor: this process is a copy of the one that has the actor, "
            "and has a copy of its handle: hand it over as an argument instead");
    }
    const std::lock_guard lock(serving_);
    if (server_ == nullptr) {
        server_ = std::make_unique<actor_server>(*pool_);
        own_actor_directory().add(server_->address(), weak_from_this());
        address_ = &server_->address();
    }
    return server_->address();
}

std::shared_ptr<actor_core> start_actor(const actor_options& options, call&& make_object) {
    return std::make_shared<local_actor>(options, std::move(make_object));
}

} // namespace multiprocessing::detail
