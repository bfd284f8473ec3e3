// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "actor/server.hpp"
#include "os/copy.hpp"
#include "pool/pool_core.hpp"

#include <multiprocessing/actor.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

namespace multiprocessing::detail {

/// An actor that this process has: a pool of one worker, and from the first handle on that travels what
/// serves the others.
class local_actor final : public actor_core, public std::enable_shared_from_this<local_actor> {
public:
    local_actor(const actor_options& options, call&& make_object);
    ~local_actor() override;

    memory_source* memory() noexcept override { return &pool_->memory_for_tasks(); }
    void submit(call&& function, std::shared_ptr<completion> state, const task_options& options) override;
    void close() override;
    void terminate() override;
    bool join(const wait_limit& limit) override;
    long pid() override;
    const std::string& address() override;
    [[nodiscard]] bool is_made_here() const noexcept override { return maker_.is_here(); }

private:
    const os::maker maker_;
    const std::shared_ptr<pool_core> pool_;
    std::mutex serving_; // guards what follows, until it is there
    std::unique_ptr<actor_server> server_;
    std::atomic<const std::string*> address_{nullptr}; // the server's; a copy of this process looks here only
};

} // namespace multiprocessing::detail
