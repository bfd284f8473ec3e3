// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/bytes.hpp>
#include <multiprocessing/detail/descriptors.hpp>
#include <multiprocessing/detail/kinds.hpp>
#include <multiprocessing/error.hpp>

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

/// How values become bytes and bytes become values.
///
/// What travels: trivially copyable types, as their bytes; `std::string`, containers, `pair`, `tuple`,
/// `optional`, `variant`, `filesystem::path`, `unique_ptr` and `shared_ptr` to values that travel; plain
/// aggregates of those, member by member; and any class with a `serialize` as Boost.Serialization wants it:
/// public, private with `friend class boost::serialization::access`, or a free function. Both ends run the
/// same program, so neither type names nor versions travel.
///
/// What is refused at compile time: pointers, `string_view`, `span` and other views, `reference_wrapper`, and
/// callable objects without a public `serialize`: they would refer to memory of the process that sent them.
namespace multiprocessing {

/// How deeply values may be nested in one another: a vector in a class in a vector is at level three. Each
/// level takes stack of whoever encodes and decodes, some hundred bytes, and a stack is not to be exhausted
/// by bytes from elsewhere. Python's pickle draws the line at about the same depth.
inline constexpr unsigned most_levels = 1000;

namespace detail {
/// A level, while it is being encoded or decoded. Throws Failure when there are too many.
template <class Failure>
class level {
public:
    explicit level(unsigned& depth) : depth_(depth) {
        if (depth_ == most_levels) {
            throw Failure("values are nested more than " + std::to_string(most_levels) + " levels deep");
        }
        ++depth_;
    }
    ~level() { --depth_; }
    level(const level&) = delete;
    level& operator=(const level&) = delete;

private:
    unsigned& depth_;
};

/// Throws `resource_error`: no memory to `encode` or `decode` a value that has so many bytes encoded.
[[noreturn]] void throw_no_memory(const char* what_for, std::size_t size);
} // namespace detail

/// Appends values to bytes. To a `serialize` function it is an archive that saves.
/// Not thread-safe; one encoder has one owner.
class encoder {
public:
    /// What a `serialize` function may ask its archive.
    using is_saving = std::true_type;
    using is_loading = std::false_type;

    /// Appends to `out`, which must outlive the encoder, as `carrier` must, if there is one.
    explicit encoder(detail::bytes& out, detail::descriptor_carrier* carrier = nullptr)
        : out_(&out), carrier_(carrier) {}

    /// Appends one value. Throws what encoding it throws, `not_encodable` when it is nested too deeply.
    template <class T>
    void put(const T& value) {
        if constexpr (detail::plain_bytes<T>) { // has nothing in it
            detail::codec<T>::encode(*this, value);
        } else {
            const detail::level<not_encodable> one_deeper(depth_);
            detail::codec<T>::encode(*this, value);
        }
    }

    /// Appends `size` bytes.
    void save_binary(const void* data, std::size_t size) { out_->append(data, size); }

    /// As `put`.
    template <class T>
    encoder& operator<<(const T& value) {
        put(value);
        return *this;
    }
    template <class T>
    encoder& operator&(const T& value) {
        return *this << value;
    }

    /// Room for `size` bytes, to be written before anything else is appended.
    [[nodiscard]] std::byte* extend(std::size_t size) { return out_->extend(size); }

    /// The number of bytes so far, those included that were there before.
    [[nodiscard]] std::size_t size() const noexcept { return out_->size(); }

    /// Keeps `object` alive until whoever receives the bytes has had the chance to decode them. Handles to
    /// things with a name use it: the name must still exist when the other process looks it up.
    void keep_alive(std::shared_ptr<const void> object) { kept_.push_back(std::move(object)); }
    /// What was passed to `keep_alive`.
    [[nodiscard]] std::vector<std::shared_ptr<const void>> take_kept() { return std::move(kept_); }
    /// How descriptors travel, if not in the ordinary way.
    [[nodiscard]] detail::descriptor_carrier* carrier() const noexcept { return carrier_; }

private:
    detail::bytes* out_;
    detail::descriptor_carrier* carrier_;
    std::vector<std::shared_ptr<const void>> kept_;
    unsigned depth_ = 0;
};

/// Takes values out of bytes, in the order they were put. To a `serialize` function it is an archive that
/// loads. Every length is checked against what is left, and every depth against `most_levels`: bytes from
/// elsewhere can make it throw `decode_failed`, no more. What trivially copyable classes consist of is taken
/// as it comes.
class decoder {
public:
    /// What a `serialize` function may ask its archive.
    using is_saving = std::false_type;
    using is_loading = std::true_type;

    /// Reads `in`, which must outlive the decoder, as `carried` must, if there are any.
    explicit decoder(std::span<const std::byte> in, detail::carried_descriptors* carried = nullptr)
        : in_(in), carried_(carried) {}

    /// Takes one value. Throws `decode_failed` when the bytes are not a T, and what constructing it throws.
    template <class T>
    T get() {
        if constexpr (detail::plain_bytes<T>) {
            return detail::codec<T>::decode(*this);
        } else {
            const detail::level<decode_failed> one_deeper(depth_);
            return detail::codec<T>::decode(*this);
        }
    }

    /// Takes `size` bytes without copying them; the view is valid as long as the bytes being decoded.
    std::span<const std::byte> take(std::size_t size) {
        if (size > in_.size()) {
            throw decode_failed("the bytes end before the value does");
        }
        auto taken = in_.first(size);
        in_ = in_.subspan(size);
        return taken;
    }

    /// Takes `size` bytes.
    void load_binary(void* data, std::size_t size) {
        if (size != 0) {
            std::memcpy(data, take(size).data(), size);
        }
    }

    /// As `get`, into an object that is there.
    template <class T>
    decoder& operator>>(T& value) {
        if constexpr (detail::has_serialize<T>) {
            detail::call_serialize(*this, value);
        } else {
            value = get<T>();
        }
        return *this;
    }
    /// Boost's wrappers (`make_nvp` and the like) are constant objects that refer to what is to be loaded.
    template <class T>
    decoder& operator>>(const T& wrapper) {
        detail::call_serialize(*this, const_cast<T&>(wrapper));
        return *this;
    }
    template <class T>
    decoder& operator&(T&& value) {
        return *this >> value;
    }

    /// Throws `decode_failed` when bytes are left over.
    void finish() const {
        if (!in_.empty()) {
            throw decode_failed("bytes are left over after the value");
        }
    }

    /// The number of bytes not yet taken.
    [[nodiscard]] std::size_t remaining() const noexcept { return in_.size(); }
    /// The descriptors that came with the bytes, if any did.
    [[nodiscard]] detail::carried_descriptors* carried() const noexcept { return carried_; }

private:
    std::span<const std::byte> in_;
    detail::carried_descriptors* carried_;
    unsigned depth_ = 0;
};

/// The bytes of `value`. Throws what encoding it throws.
template <class T>
[[nodiscard]] std::vector<std::byte> encode(const T& value) {
    detail::bytes result;
    encoder(result).put(value);
    return {result.begin(), result.end()};
}

/// The value that `encode` made `bytes` from. Throws `decode_failed` when it did not, or when bytes are left
/// over, and `resource_error` when there is no memory for it.
template <class T>
[[nodiscard]] T decode(std::span<const std::byte> bytes, detail::carried_descriptors* carried = nullptr) {
    try {
        decoder in(bytes, carried);
        T result = in.get<T>();
        in.finish();
        return result;
    } catch (const std::bad_alloc&) {
        detail::throw_no_memory("decode", bytes.size());
    }
}

} // namespace multiprocessing

#pragma GCC visibility pop

#include <multiprocessing/detail/codec.hpp>
