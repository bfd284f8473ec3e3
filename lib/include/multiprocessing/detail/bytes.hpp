// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <array>
#include <cstddef>
#include <cstring>
#include <span>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// Where the memory for many bytes comes from, if not from the heap: memory that another process sees.
class memory_source {
public:
    memory_source() = default;
    virtual ~memory_source() = default;
    memory_source(const memory_source&) = delete;
    memory_source& operator=(const memory_source&) = delete;

    /// So much memory, or none (an empty span) when there is no room.
    [[nodiscard]] virtual std::span<std::byte> allocate(std::size_t size) noexcept = 0;
    /// What was allocated from there on.
    virtual void release(std::byte* memory) noexcept = 0;

    /// Fewer bytes than this are not worth taking it.
    static constexpr std::size_t least = 960;
};

/// Bytes that are written one after the other. A few are kept inside, so that what most tasks consist of
/// needs no memory of its own. Throws `resource_error` where there is none.
class bytes {
public:
    using value_type = std::byte;
    static constexpr std::size_t most_inside = 64;

    bytes() noexcept {} // NOLINT: if it were defaulted, `bytes()` would fill what is not used with zeroes
    /// Many will lie in memory from that source, which must outlive them.
    explicit bytes(memory_source* source) noexcept : source_(source) {}
    explicit bytes(std::size_t size) { resize(size); }
    explicit bytes(std::span<const std::byte> content) { append(content.data(), content.size()); }
    bytes(const bytes& other) { append(other.data_, other.size_); }
    bytes(bytes&& other) noexcept { take_from(other); }
    bytes& operator=(bytes&& other) noexcept {
        if (this != &other) {
            give_back();
            take_from(other);
        }
        return *this;
    }
    bytes& operator=(const bytes& other) {
        assign(other.data_, other.data_ + other.size_);
        return *this;
    }
    ~bytes() { give_back(); }

    [[nodiscard]] std::byte* data() noexcept { return data_; }
    [[nodiscard]] const std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] std::byte* begin() noexcept { return data_; }
    [[nodiscard]] std::byte* end() noexcept { return data_ + size_; }
    [[nodiscard]] const std::byte* begin() const noexcept { return data_; }
    [[nodiscard]] const std::byte* end() const noexcept { return data_ + size_; }

    /// Room for so many further bytes, whose values are not determined.
    [[nodiscard]] std::byte* extend(std::size_t count) {
        if (capacity_ - size_ < count) {
            grow(count);
        }
        auto* const room = data_ + size_;
        size_ += count;
        return room;
    }
    void append(const void* data, std::size_t count) {
        if (count != 0) {
            std::memcpy(extend(count), data, count);
        }
    }
    /// No more than so many.
    void cut(std::size_t size) noexcept { size_ = size; }
    void clear() noexcept { size_ = 0; }
    void resize(std::size_t size) {
        if (size > size_) {
            const auto more = size - size_;
            std::memset(extend(more), 0, more);
        }
        cut(size);
    }
    void assign(const std::byte* first, const std::byte* last) {
        clear();
        append(first, static_cast<std::size_t>(last - first));
    }

    /// Whether they lie in memory from the source.
    [[nodiscard]] bool are_shared() const noexcept { return where_ == place::source; }
    /// Forgets them without releasing their memory: somebody else will, or has it now.
    void let_go() noexcept {
        where_ = place::inside;
        data_ = inside_.data();
        size_ = 0;
        capacity_ = most_inside;
    }
    /// Gives all memory back.
    void give_back() noexcept {
        if (where_ == place::inside) {
            size_ = 0;
        } else {
            release();
        }
    }

private:
    enum class place : unsigned char { inside, heap, source };

    void grow(std::size_t count);
    void release() noexcept;
    void take_from(bytes& other) noexcept;

    std::array<std::byte, most_inside> inside_; // not initialised
    std::byte* data_ = inside_.data();
    std::size_t size_ = 0;
    std::size_t capacity_ = most_inside;
    memory_source* source_ = nullptr;
    place where_ = place::inside;
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
