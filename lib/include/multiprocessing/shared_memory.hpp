// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/error.hpp>
#include <multiprocessing/serialize.hpp>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace multiprocessing {

namespace detail {

/// What a `shared_array<T>` is a handle to, in bytes.
class array_core {
public:
    virtual ~array_core() = default;
    /// Aligned to `array_alignment`.
    [[nodiscard]] virtual std::byte* data() const noexcept = 0;
    /// What `open_array` finds it by.
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
};
inline constexpr std::size_t array_alignment = 64;
inline constexpr std::size_t largest_array = std::numeric_limits<std::ptrdiff_t>::max() / 2;

/// Zeros. `size` is at least 1 and at most `largest_array`. Throws `resource_error`.
std::shared_ptr<array_core> make_array(std::size_t size);
/// Throws `resource_error` when its maker has none of that name any more, `decode_failed` when what has that
/// name is no array of so many bytes.
std::shared_ptr<array_core> open_array(const std::string& name, std::size_t size);

} // namespace detail

/// Elements in memory that processes share. A handle: copies, and copies sent to other processes, are the
/// same array; the elements are never copied. Sending one costs about a microsecond, whatever its size.
///
/// The array exists until the process that made it has destroyed its last handle, and beyond that as long as
/// somebody has it open. A handle that is an argument of a task or process keeps the array alive until it has
/// arrived; one in a result or in a queue does not, and throws `resource_error` where it arrives too late.
///
/// All of the memory is taken at once: using it is never SIGBUS. A process that has received a handle keeps
/// the memory mapped for the next one, a worker until it has had nothing to do for a second.
///
/// Threads and processes: a handle is used like a `std::shared_ptr`, and the elements like those of any
/// array: the array does nothing to order what several threads or processes do to an element at once. What a
/// task wrote is seen by whoever has its result, and what was written before a task was submitted by the
/// task. `std::atomic_ref` works between processes where it is lock-free. What a process that dies has
/// written stays.
///
/// T is trivially copyable. Pointers inside it mean nothing in another process.
template <class T>
class shared_array {
    static_assert(
        detail::plain_bytes<T> && std::same_as<T, std::remove_cv_t<T>>,
        "the elements of a shared_array must be trivially copyable, since processes share their bytes, "
        "and neither const nor pointers: put what they own into arrays of its own, or send the values "
        "(std::vector, queue)");
    static_assert(alignof(T) <= detail::array_alignment, "a shared_array is aligned to 64 bytes at most");

public:
    /// What it consists of.
    using value_type = T;

    /// No elements, and no memory. So is what has been moved from.
    shared_array() = default;
    /// Value-initialised elements. Throws `std::length_error` for a size that no memory can have, and
    /// `resource_error` when there is no room in shared memory.
    explicit shared_array(std::size_t size) : shared_array(size, uninitialised{}) {
        if constexpr (!std::is_trivially_default_constructible_v<T>) { // others are zeros already
            std::uninitialized_value_construct_n(data_, size_);
        }
    }
    /// Copies of a range's elements. Throws the same, and what the range throws.
    template <std::ranges::input_range Range>
    requires(
        !std::same_as<std::remove_cvref_t<Range>, shared_array> &&
        std::convertible_to<std::ranges::range_reference_t<Range>, T>) explicit shared_array(Range&& range)
        : shared_array(copy_of(range)) {}

    /// A handle to the same elements.
    shared_array(const shared_array&) = default;
    shared_array& operator=(const shared_array&) = default;
    shared_array(shared_array&& other) noexcept { swap(other); }
    shared_array& operator=(shared_array&& other) noexcept {
        shared_array(std::move(other)).swap(*this);
        return *this;
    }
    ~shared_array() = default;
    /// Exchanges two handles; the elements stay where they are.
    void swap(shared_array& other) noexcept {
        core_.swap(other.core_);
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
    }

    // Constant handles are to elements that can be changed, as constant spans are.

    /// The elements, as those of `std::span`.
    [[nodiscard]] T* data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
    [[nodiscard]] T* begin() const noexcept { return data_; }
    [[nodiscard]] T* end() const noexcept { return data_ + size_; }
    T& operator[](std::size_t index) const noexcept { return data_[index]; }
    /// Valid as long as a handle in this process. A handle converts to it where one is wanted.
    [[nodiscard]] std::span<T> span() const noexcept { return {data_, size_}; }

    /// Whether they are the same array. All of no elements are.
    friend bool operator==(const shared_array& a, const shared_array& b) noexcept {
        return a.core_ == b.core_ || (a.core_ && b.core_ && a.core_->name() == b.core_->name());
    }

private:
    friend struct detail::codec<shared_array>;
    struct uninitialised {};
    static constexpr std::size_t most = detail::largest_array / sizeof(T);

    shared_array(std::size_t size, uninitialised) : size_(size) {
        if (size > most) {
            throw std::length_error("multiprocessing::shared_array: no memory has room for so many elements");
        }
        if (size != 0) {
            refer_to(detail::make_array(size * sizeof(T)));
        }
    }
    shared_array(std::shared_ptr<detail::array_core> core, std::size_t size) : size_(size) {
        refer_to(std::move(core));
    }
    void refer_to(std::shared_ptr<detail::array_core> core) {
        core_ = std::move(core);
        data_ = std::launder(reinterpret_cast<T*>(core_->data()));
    }

    template <class Range>
    static shared_array copy_of(Range& range) {
        if constexpr (std::ranges::forward_range<Range> || std::ranges::sized_range<Range>) {
            std::size_t size = 0;
            if constexpr (std::ranges::sized_range<Range>) {
                size = static_cast<std::size_t>(std::ranges::size(range));
            } else {
                size = static_cast<std::size_t>(std::ranges::distance(range));
            }
            shared_array result(size, uninitialised{});
            if constexpr (std::same_as<std::ranges::range_value_t<Range>, T>) {
                std::ranges::copy(range, result.data_);
            } else {
                std::ranges::transform(range, result.data_,
                                       [](auto&& element) { return static_cast<T>(element); });
            }
            return result;
        } else { // can be looked at once
            std::vector<T> elements;
            for (auto&& element : range) {
                elements.push_back(static_cast<T>(element));
            }
            return copy_of(elements);
        }
    }

    std::shared_ptr<detail::array_core> core_; // null without elements
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// Of the elements of a range.
template <std::ranges::input_range Range>
explicit shared_array(Range&&) -> shared_array<std::ranges::range_value_t<Range>>;

namespace detail {
class shared_block;
}

/// Bytes in memory that processes share, and that has a name by which any process of this user can attach to
/// it. A handle: copies, and copies sent to other processes, are the same memory.
///
/// Without a name of its own it lives as a `shared_array` does: until the process that made it has destroyed
/// its last handle, or ended in whatever way, and beyond that for those who have it. With one it lives until
/// somebody calls `unlink`, however its maker ends: it is the user's to see to that. A handle that is an
/// argument of a task or process keeps it alive until it has arrived.
///
/// All of the memory is taken at once: using it is never SIGBUS, unless another program makes it smaller.
/// There is nothing in it but the user's bytes, so others can use it that know POSIX shared memory, Python's
/// `SharedMemory` among them.
///
/// Threads and processes: see `shared_array`. What a process that dies has written stays. Where handles to
/// the same memory are received again and again, an array costs less: each attachment here maps it anew.
class shared_memory {
public:
    /// Zeros, under a name that nobody has or can guess. Throws `std::invalid_argument` for a size of 0,
    /// `std::length_error` for one that no memory can have, and `resource_error` when there is no room.
    [[nodiscard]] static shared_memory create(std::size_t size);
    /// The same, under this name, which stays until it is unlinked. Whoever attaches finds the whole of it,
    /// at whatever instant. Throws `resource_error` (`file_exists`) when there is something of that name, and
    /// `std::invalid_argument` for a name that is empty, longer than 255 characters, has a / in it, or begins
    /// as those of this library do ("multiprocessing-").
    [[nodiscard]] static shared_memory create(const std::string& name, std::size_t size);
    /// What has that name. Throws `std::invalid_argument` for what is no name, and `resource_error`: there is
    /// nothing (`no_such_file_or_directory`), or it is another user's (`permission_denied`).
    [[nodiscard]] static shared_memory attach(const std::string& name);

    /// A handle to the same memory.
    shared_memory(const shared_memory&) = default; // there is no handle to nothing
    shared_memory& operator=(const shared_memory&) = default;
    ~shared_memory() = default;

    /// What others can attach it by.
    [[nodiscard]] const std::string& name() const noexcept;
    /// In bytes.
    [[nodiscard]] std::size_t size() const noexcept { return bytes().size(); }
    /// Valid as long as a handle in this process. Begins on a page.
    [[nodiscard]] std::span<std::byte> bytes() const noexcept;

    /// Takes its name away: nobody can attach any more, handles on their way included. Whoever has it keeps
    /// it. Harmless when it has none any more.
    void unlink() noexcept;

private:
    friend struct detail::codec<shared_memory>;
    explicit shared_memory(std::shared_ptr<detail::shared_block> block) : block_(std::move(block)) {}

    std::shared_ptr<detail::shared_block> block_;
};

namespace detail {
template <>
struct codec<shared_memory> {
    static void encode(encoder& out, const shared_memory& value) {
        out.put(value.name());
        out.put(std::uint64_t{value.size()});
        out.keep_alive(value.block_);
    }
    static shared_memory decode(decoder& in) {
        auto memory = shared_memory::attach(in.get<std::string>());
        if (memory.size() != in.get<std::uint64_t>()) {
            throw decode_failed("shared memory is announced that is another one");
        }
        return memory;
    }
};

/// An array travels as its name and size, and is kept alive until it has been opened under it.
template <class T>
struct codec<shared_array<T>> {
    static void encode(encoder& out, const shared_array<T>& value) {
        out.put(std::uint64_t{value.size_});
        if (value.size_ != 0) {
            out.put(value.core_->name());
            out.keep_alive(value.core_);
        }
    }
    static shared_array<T> decode(decoder& in) {
        const auto size = in.get<std::uint64_t>();
        if (size == 0) {
            return {};
        }
        if (size > shared_array<T>::most) {
            throw decode_failed("a shared array is announced that is larger than memory can be");
        }
        const auto bytes = static_cast<std::size_t>(size) * sizeof(T);
        return shared_array<T>(open_array(in.get<std::string>(), bytes), static_cast<std::size_t>(size));
    }
};
} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
