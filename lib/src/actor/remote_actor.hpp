// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "actor/link.hpp"
#include "os/copy.hpp"

#include <multiprocessing/actor.hpp>

#include <memory>
#include <mutex>
#include <string>

namespace multiprocessing::detail {

/// An actor that another process has. Connects when it is used.
class remote_actor final : public actor_core {
public:
    explicit remote_actor(std::string address) : address_(std::move(address)) {}
    ~remote_actor() override;

    memory_source* memory() noexcept override { return nullptr; }
    void submit(call&& function, std::shared_ptr<completion> state, const task_options& options) override;
    void close() override;
    void terminate() override;
    bool join(const wait_limit& limit) override;
    long pid() override;
    const std::string& address() override { return address_; }
    [[nodiscard]] bool is_made_here() const noexcept override { return maker_.is_here(); }

private:
    actor_link& link();

    const std::string address_;
    const os::maker maker_;
    std::mutex mutex_; // guards what follows
    std::shared_ptr<actor_link> link_;
};

} // namespace multiprocessing::detail
