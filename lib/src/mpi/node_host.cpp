// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/node_host.hpp"

#include "actor/call_head.hpp"
#include "child/outcome.hpp"
#include "ipc/names.hpp"
#include "ipc/shared_array.hpp"
#include "mpi/options_codec.hpp"
#include "os/host.hpp"
#include "os/modules.hpp"
#include "os/process.hpp"
#include "start/log.hpp"
#include "wire/payload.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/process.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <unistd.h>
#include <unordered_map>

namespace multiprocessing::detail {
namespace {

/// The tasks of a pool that are not complete.
class unfinished_tasks {
public:
    void add(std::uint64_t id, std::shared_ptr<completion> task) {
        const std::lock_guard lock(mutex_);
        tasks_.emplace(id, std::move(task));
    }
    void remove(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        tasks_.erase(id);
    }
    [[nodiscard]] std::shared_ptr<completion> find(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        const auto found = tasks_.find(id);
        return found != tasks_.end() ? found->second : nullptr;
    }

private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::shared_ptr<completion>> tasks_;
};

/// What a worker runs instead of a call whose arrays are here under other names.
void run_with_substitutes(decoder& in, encoder& out) {
    substitute_arrays(in.get<array_substitutes>());
    run_call(in, out);
}

/// The death of a worker says on which host that was.
payload with_host(payload outcome) {
    if (!is_exception(outcome.bytes())) {
        return outcome;
    }
    try {
        std::rethrow_exception(exception_in(outcome.bytes()));
    } catch (const worker_died& e) {
        const auto what = "on " + os::host_name() + ": " + e.what();
        return outcome_of(std::make_exception_ptr(worker_died(e.pid(), e.exit_code(), what, e.details())));
    } catch (...) {
        return outcome;
    }
}

payload content_of_outcome(const completion& done) {
    const auto outcome = with_host(done.outcome());
    bytes content;
    encoder out(content);
    out.put(done.output());
    out.save_binary(outcome.bytes().data(), outcome.bytes().size());
    return own(std::move(content));
}

} // namespace

struct node_host::hosted_pool {
    std::shared_ptr<pool_core> pool;
    std::shared_ptr<unfinished_tasks> tasks = std::make_shared<unfinished_tasks>();
    std::shared_ptr<std::atomic<bool>> has_ended = std::make_shared<std::atomic<bool>>(false);
    std::exception_ptr why_unusable; // if it is: its workers could not be initialised
    bool is_ending = false;
};

node_hello hello_of_this_process() {
    return {.build_id = os::build_id_of_program(),
            .host = os::host_name(),
            .pid = current_process().pid(),
            .parent = ::getppid(),
            .cpus = cpu_count()};
}

payload content_of_open(const pool_options& options) {
    bytes content;
    encoder out(content);
    put_options(out, options);
    return own(std::move(content));
}

payload content_of_call(const call& function, const task_options& options,
                        const std::vector<std::string>& arrays) {
    bytes content;
    encoder out(content);
    out.put(arrays);
    call_head{options, function.function, function.takes_stop_token}.encode(out);
    out.save_binary(function.encoded.data(), function.encoded.size());
    return own(std::move(content));
}

node_host::node_host(sender send) : send_(std::move(send)), thread_([this] { run(); }) {}

node_host::~node_host() {
    orders_.post({.kind = message_kind::bye});
    thread_.join();
}

void node_host::run() {
    os::set_process_name("mp-node");
    while (!is_over_) {
        for (auto& message : orders_.take()) {
            try {
                obey(std::move(message));
            } catch (const std::exception& e) {
                note(log_level::error,
                     [&] { return std::string("an order of the root's failed: ") + e.what(); });
            }
        }
        if (!is_over_) {
            orders_.sleep_until(steady_time::max());
        }
    }
    end_pools();
}

void node_host::end_pools() {
    for (const auto& [number, host] : pools_) {
        host->pool->terminate(); // all at once, then one after the other
    }
    for (const auto& [number, host] : pools_) {
        end_pool(host->pool);
    }
    pools_.clear();
}

void node_host::obey(node_message&& message) {
    forget_ended_pools();
    switch (message.kind) {
    case message_kind::open:
        open(message);
        return;
    case message_kind::array:
        take_array(message);
        return;
    case message_kind::forget_array: {
        const auto name = decode<std::string>(message.content.bytes());
        arrays_.erase(name);
        why_not_here_.erase(name);
        return;
    }
    case message_kind::leave:
        end_pools();
        send_({.kind = message_kind::left});
        return;
    case message_kind::bye:
        is_over_ = true;
        return;
    default:
        break;
    }
    const auto found = pools_.find(message.pool);
    if (found == pools_.end()) {
        return; // it could not be opened, or has ended
    }
    auto& host = *found->second;
    switch (message.kind) {
    case message_kind::initialize:
        initialize(host, message);
        break;
    case message_kind::task:
        run_task(host, std::move(message));
        break;
    case message_kind::cancel:
        if (const auto task = host.tasks->find(message.id)) {
            task->cancel();
        }
        break;
    case message_kind::close:
    case message_kind::terminate:
        end(host, message.pool, message.kind == message_kind::terminate);
        break;
    default:
        break;
    }
}

void node_host::take_array(const node_message& message) {
    decoder in(message.content.bytes());
    const auto name = in.get<std::string>();
    if (name_exists(name)) { // on the root's own machine there is one
        return;
    }
    try {
        const auto elements = in.take(in.remaining());
        auto copy = make_array(elements.size());
        std::ranges::copy(elements, copy->data());
        arrays_[name] = std::move(copy);
    } catch (const std::exception&) {
        why_not_here_[name] = std::current_exception();
    }
}

void node_host::initialize(hosted_pool& host, const node_message& message) {
    try {
        decoder in(message.content.bytes());
        task_options ignored;
        host.pool->set_initializer(call_in(in, *host.pool, ignored));
    } catch (const std::exception&) {
        host.why_unusable = std::current_exception();
    }
}

void node_host::open(const node_message& message) {
    node_message answer{.kind = message_kind::opened, .pool = message.pool};
    bytes outcome;
    try {
        if (pools_.contains(message.pool)) {
            throw decode_failed("a pool was to be opened twice");
        }
        auto host = std::make_unique<hosted_pool>();
        decoder in(message.content.bytes());
        host->pool = start_pool(get_options(in));
        pools_.emplace(message.pool, std::move(host));
        put_value({}, outcome);
    } catch (...) {
        put_exception(std::current_exception(), outcome);
    }
    answer.content = own(std::move(outcome));
    send_(std::move(answer));
}

void node_host::run_task(hosted_pool& host, node_message&& message) {
    const auto state = std::make_shared<completion>();
    host.tasks->add(message.id, state);
    state->on_ready([send = send_, tasks = host.tasks, pool = message.pool, id = message.id,
                     done = state.get()] {
        send({.kind = message_kind::outcome, .pool = pool, .id = id, .content = content_of_outcome(*done)});
        tasks->remove(id);
    });
    try {
        if (host.why_unusable) {
            std::rethrow_exception(host.why_unusable);
        }
        decoder in(message.content.bytes());
        task_options options;
        auto function = call_in(in, *host.pool, options);
        host.pool->submit(std::move(function), state, 0, options, when_full::exceed);
    } catch (...) {
        state->fail(std::current_exception());
        state->part_is_complete();
    }
}

/// The call as the workers here can run it.
call node_host::call_in(decoder& in, pool_core& pool, task_options& options) {
    array_substitutes substitutes;
    std::vector<std::shared_ptr<const void>> kept;
    for (const auto& name : in.get<std::vector<std::string>>()) {
        if (const auto found = arrays_.find(name); found != arrays_.end()) {
            substitutes.emplace_back(name, found->second->name());
            kept.emplace_back(found->second);
        } else if (const auto why = why_not_here_.find(name); why != why_not_here_.end()) {
            std::rethrow_exception(why->second);
        }
    }
    auto head = call_head::decode(in);
    options = head.options;
    call function(&pool.memory_for_tasks());
    function.kept = std::move(kept);
    function.function = std::move(head.function);
    function.takes_stop_token = head.takes_stop_token;
    if (!substitutes.empty()) {
        encoder out(function.encoded);
        const entry_point entry = &run_with_substitutes;
        put_code_address(out, reinterpret_cast<const void*>(entry));
        out.put(substitutes);
    }
    const auto encoded = in.take(in.remaining());
    function.encoded.append(encoded.data(), encoded.size());
    return function;
}

void node_host::end(hosted_pool& host, std::uint32_t number, bool at_once) {
    if (at_once) {
        host.pool->terminate();
    } else {
        host.pool->close();
    }
    if (!std::exchange(host.is_ending, true)) {
        host.pool->end()->on_ready([send = send_, has_ended = host.has_ended, number] {
            *has_ended = true;
            send({.kind = message_kind::ended, .pool = number});
        });
    }
}

void node_host::forget_ended_pools() {
    std::erase_if(pools_, [](const auto& each) {
        const bool has_ended = *each.second->has_ended;
        if (has_ended) {
            (void)each.second->pool->join(steady_time::max()); // its thread is at its end
        }
        return has_ended;
    });
}

} // namespace multiprocessing::detail
