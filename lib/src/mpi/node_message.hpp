// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/serialize.hpp>

#include <cstdint>
#include <memory>
#include <utility>

/// What root and nodes send each other.
///
///     root                                      node
///       |<-- hello -------------------------------|  once: host, build, process id, CPUs
///       |<-- alive ------------------------------>|  when there has been nothing else for a while
///       |                                         |
///       |--- open ------------------------------->|  a pool: its options, its initializer
///       |<-- opened ------------------------------|  it is there, or why not
///       |--- array, forget_array ---------------->|  a shared array that tasks refer to
///       |--- task, cancel ----------------------->|
///       |<-- outcome -----------------------------|
///       |--- initialize, close, terminate ------->|
///       |<-- ended -------------------------------|  the pool's last worker has
///       |                                         |
///       |--- leave ------------------------------>|  the end of the program, or of what it knows of the node
///       |<-- left --------------------------------|  all pools have ended
///       |--- bye -------------------------------->|  the agent may end, with MPI or without
namespace multiprocessing::detail {

enum class message_kind : std::uint32_t {
    hello,
    alive,
    open,
    opened,
    initialize,
    array,
    forget_array,
    task,
    cancel,
    outcome,
    close,
    terminate,
    ended,
    leave,
    left,
    bye,
    last = bye,
};

struct node_message {
    message_kind kind{};
    std::uint32_t pool = 0; ///< which it is about, as the root numbers them
    std::uint64_t id = 0;   ///< of a task
    payload content{};
    payload rest{}; ///< of the content, where that is in two places; only while it is being sent
};

/// A content that is its own.
inline payload own(bytes&& content) {
    if (content.size() <= payload::most_inside) {
        return payload(std::span<const std::byte>(content));
    }
    auto owner = std::make_shared<const bytes>(std::move(content));
    const std::span<const std::byte> all(*owner);
    return {std::move(owner), all};
}

/// A content that consists of these values.
template <class... T>
payload content_of_values(const T&... values) {
    bytes content;
    encoder out(content);
    (out.put(values), ...);
    return own(std::move(content));
}

} // namespace multiprocessing::detail
