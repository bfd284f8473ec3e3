// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/remote_actor.hpp"

#include "actor/directory.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <utility>

namespace multiprocessing::detail {

remote_actor::~remote_actor() {
    if (!is_made_here()) {
        os::abandon(std::move(link_));
        return;
    }
    if (link_ != nullptr) {
        link_->release();
    }
    own_actor_directory().remove(address_);
}

actor_link& remote_actor::link() {
    const std::lock_guard lock(mutex_);
    if (link_ == nullptr) {
        link_ = actor_link::connect(address_);
    }
    return *link_;
}

void remote_actor::submit(call&& function, std::shared_ptr<completion> state, const task_options& options) {
    link().submit(std::move(function), std::move(state), options);
}

void remote_actor::close() {
    link().tell(packet_kind::close);
}

void remote_actor::terminate() {
    link().tell(packet_kind::terminate);
}

bool remote_actor::join(const wait_limit& limit) {
    try {
        return link().ask(packet_kind::join, limit) != nullptr;
    } catch (const actor_lost&) { // it has ended with the other
        return true;
    }
}

long remote_actor::pid() {
    try {
        return decode<long>(link().ask(packet_kind::pid)->value_of(0));
    } catch (const actor_lost&) {
        return 0;
    }
}

} // namespace multiprocessing::detail
