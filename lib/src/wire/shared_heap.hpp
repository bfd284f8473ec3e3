// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/copy.hpp"
#include "os/memory.hpp"
#include "wire/extents.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/detail/bytes.hpp>
#include <multiprocessing/detail/completion.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>

#pragma GCC visibility push(default) // for our other libraries

/// Memory for contents too large for a message, which one process writes and others read, again and again:
/// touching fresh memory costs far more than copying. Values are encoded straight into it, and decoded
/// straight out of it.
namespace multiprocessing::detail {

/// The writer's side: a memfd, taken into use from its beginning on. Thread-safe. In a copy of this process
/// it has no room: what is in there is the original's.
class shared_heap final : public memory_source {
public:
    /// What does not fit travels in a memfd of its own.
    static constexpr std::size_t size = std::size_t{128} << 20;

    /// One that never has room.
    shared_heap() = default;
    /// A new one, which `label` is shown of in /proc. Where the system does not let it be made it never has
    /// room.
    explicit shared_heap(const char* label) noexcept;
    explicit shared_heap(os::descriptor memory) : memory_(std::move(memory)) {}
    /// For readers: nothing can be written through it. -1 if there is none.
    [[nodiscard]] int reader() const noexcept { return reader_.get(); }

    [[nodiscard]] std::span<std::byte> allocate(std::size_t count) noexcept override;
    void release(std::byte* memory) noexcept override;
    /// Where bytes lie that are in here.
    [[nodiscard]] std::optional<std::uint64_t> offset_of(std::span<const std::byte> bytes) const noexcept;
    /// There is no room any more: what is released is not used again.
    void close() noexcept;
    /// Gives the memory back to the system; false when something is in there.
    bool trim() noexcept;

private:
    [[nodiscard]] std::span<std::byte> take(std::size_t count);

    const os::maker user_{};
    os::descriptor memory_;
    os::descriptor reader_;
    mutable std::mutex mutex_; // guards what follows
    os::mapping mapped_;
    extents extents_{size};
    bool closed_ = false;
    std::size_t backed_ = 0; // so many bytes are safe to touch
};

/// A reader's side.
class shared_heap_reader {
public:
    explicit shared_heap_reader(os::descriptor memory) : memory_(std::move(memory)) {}
    [[nodiscard]] int descriptor() const noexcept { return memory_.get(); }

    /// Stays mapped as long as the result exists. Throws `nonsense_received` when the heap ends before,
    /// `resource_error`.
    payload read(std::uint64_t offset, std::size_t count);

private:
    os::descriptor memory_;
    std::shared_ptr<os::mapping> mapped_ = std::make_shared<os::mapping>();
};

/// A worker's heap for results. Each that is sent has a flag, which the pool clears when it is done with it.
class result_heap final : public memory_source {
public:
    /// So many results may be under way, or not yet done with.
    static constexpr std::size_t most = 64;
    using flags = std::array<std::atomic<std::uint32_t>, most>;

    /// `in_use` is shared with the pool.
    result_heap(os::descriptor memory, flags& in_use) : heap_(std::move(memory)), in_use_(in_use) {}

    [[nodiscard]] std::span<std::byte> allocate(std::size_t count) noexcept override;
    void release(std::byte* memory) noexcept override { heap_.release(memory); }
    /// Hands a content over that begins where something was allocated here: that is released some time after
    /// the flag is cleared. Empty when it was not allocated here, or there are too many.
    [[nodiscard]] std::optional<heap_place> hand_over(std::span<const std::byte> content) noexcept;
    /// False when something is still under way, or not done with.
    bool trim() noexcept;

private:
    void release_what_is_done_with() noexcept;

    shared_heap heap_;
    flags& in_use_;
    std::array<std::byte*, most> sent_{};
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
