// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/completion.hpp>

#include <chrono>
#include <cstdint>
#include <cstring>
#include <exception>
#include <stdexcept>

/// The messages between a pool and its worker.
namespace multiprocessing::detail {

enum class frame_kind : std::uint32_t {
    // from the pool
    initialize,    ///< a call to make before the first task
    task,          ///< a call
    captured_task, ///< a call, and what it prints is wanted
    leave,         ///< nothing more will come: end
    // from the worker
    ready,              ///< will run tasks; answers the start, and every `initialize`
    initializer_failed, ///< an outcome that is an exception; the worker ends
    begun,              ///< the task is going to run; only where no journal says so
    printed,            ///< what a captured task has printed; its outcome follows
    ran,                ///< when the task ran, `running_times`, where that is wanted; its outcome follows
    result,             ///< a task's outcome
};

[[nodiscard]] constexpr bool is_task(frame_kind kind) noexcept {
    return kind == frame_kind::task || kind == frame_kind::captured_task;
}

/// What a receiver gets. `content` keeps memory that the sender wants back: decode it soon.
struct frame {
    frame_kind kind{};
    std::uint64_t id = 0; ///< of the task
    payload content{};
    std::exception_ptr lost{}; ///< instead of the content: this end had no memory or descriptor for it
};

/// When a task ran, on the machine's steady clock: what `frame_kind::ran` has for its content.
struct running_times {
    std::chrono::nanoseconds begin;
    std::chrono::nanoseconds end;
};

/// Where the content of a frame is.
enum class frame_route : std::uint32_t {
    in_message, ///< behind the header
    in_heap,    ///< in the sender's shared_heap; the message says where
    by_courier, ///< in a memfd of its own, sent over the socket
};

/// What stands at the beginning of every message:
///
///     | sequence | id | size | kind | route | content, if in the message ...
///
struct frame_header {
    std::uint64_t sequence; ///< counts the sender's frames from 1
    std::uint64_t id;
    std::uint64_t size; ///< of the content
    frame_kind kind;
    frame_route route;
};

/// Where a content is in a heap: what stands behind the header then.
struct heap_place {
    std::uint64_t offset;
    std::uint64_t flag; ///< of a result: to be cleared when the receiver is done with it
};

/// A message as it is on the way.
struct message_view {
    frame_header header{};
    std::span<const std::byte> content{}; ///< what is in the message itself
    heap_place place{};                   ///< of what is in a heap
};

/// How many bytes stand behind the header; whatever it says, when that makes no sense.
inline std::size_t size_behind(const frame_header& header) {
    switch (header.route) {
    case frame_route::in_message:
        return header.size;
    case frame_route::in_heap:
        return sizeof(heap_place);
    case frame_route::by_courier:
        break;
    }
    return 0;
}

/// Writes a message into `out`, which has room for it: the header, and the content if it is to be in the
/// message, or its place. How large it is.
inline std::size_t write_message(const frame_header& header, std::span<const std::byte> content,
                                 std::span<std::byte> out, const heap_place& place = {}) {
    std::memcpy(out.data(), &header, sizeof header); // inline: the fields go there from registers
    std::span<const std::byte> behind;
    if (header.route == frame_route::in_message) {
        behind = content;
    } else if (header.route == frame_route::in_heap) {
        behind = std::as_bytes(std::span(&place, 1));
    }
    if (!behind.empty()) {
        std::memcpy(out.data() + sizeof header, behind.data(), behind.size());
    }
    return sizeof header + behind.size();
}

/// Takes a message apart that may have been written by anybody. Throws `nonsense_received` when it is not a
/// frame: too short, of no known kind or route, or with another content than it says.
message_view parse_message(std::span<const std::byte> message);

/// The channel can no longer be used: the peer has closed it, or does not take what it is sent.
class channel_broken : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// What the peer sent makes no sense.
class nonsense_received : public channel_broken {
public:
    using channel_broken::channel_broken;
};

} // namespace multiprocessing::detail
