// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/actor.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace multiprocessing::detail {

/// The actors that this process knows by their addresses: all its handles to one share what they need.
/// Thread-safe.
class actor_directory {
public:
    /// The one of that address; a way to it where none is known.
    std::shared_ptr<actor_core> find(const std::string& address);
    /// The same; known until this process ends.
    actor_core& keep(const std::string& address);
    void add(const std::string& address, std::weak_ptr<actor_core> actor);
    /// It is gone, unless there is another of that address by now.
    void remove(const std::string& address) noexcept;

private:
    std::mutex mutex_; // guards what follows
    std::map<std::string, std::weak_ptr<actor_core>> known_;
    std::map<std::string, std::shared_ptr<actor_core>> kept_;
};

/// That of this process.
actor_directory& own_actor_directory();

} // namespace multiprocessing::detail
