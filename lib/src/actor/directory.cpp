// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "actor/directory.hpp"

#include "actor/remote_actor.hpp"
#include "os/copy.hpp"

#include <multiprocessing/error.hpp>

#include <utility>

namespace multiprocessing::detail {

std::shared_ptr<actor_core> actor_directory::find(const std::string& address) {
    const std::lock_guard lock(mutex_);
    auto& known = known_[address];
    auto found = known.lock();
    if (found == nullptr) {
        found = std::make_shared<remote_actor>(address);
        known = found;
    }
    return found;
}

actor_core& actor_directory::keep(const std::string& address) {
    auto found = find(address);
    const std::lock_guard lock(mutex_);
    return *kept_.emplace(address, std::move(found)).first->second;
}

void actor_directory::add(const std::string& address, std::weak_ptr<actor_core> actor) {
    const std::lock_guard lock(mutex_);
    known_.insert_or_assign(address, std::move(actor));
}

void actor_directory::remove(const std::string& address) noexcept {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(address);
    if (found != known_.end() && found->second.expired()) {
        known_.erase(found);
    }
}

actor_directory& own_actor_directory() {
    return os::one_per_process<actor_directory>();
}

std::shared_ptr<actor_core> find_actor(const std::string& address) {
    if (!address.starts_with('@')) {
        throw decode_failed("what is announced as an actor is none");
    }
    return own_actor_directory().find(address);
}

actor_core& in_this_process(const std::shared_ptr<actor_core>& core) {
    return core->is_made_here() ? *core : own_actor_directory().keep(core->address());
}

} // namespace multiprocessing::detail
