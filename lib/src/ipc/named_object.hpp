// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "ipc/named_memory.hpp"
#include "ipc/names.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

namespace multiprocessing::detail {

/// What is common to all objects of a kind. Has static lifetime.
struct object_kind {
    std::string_view name;  ///< what tells it from other kinds; at most 24 characters
    std::size_t least_size; ///< of the state
    bool (*is_held_here)(const std::byte*) = nullptr; ///< whether a thread of this process has locked it
};

/// An object in named memory of its own, as this process has it mapped: once, however many handles there are.
///
///     | kind | state ...
///
/// The name exists until whoever made the object has let go of it, the memory as long as anybody has it
/// mapped.
class named_object {
public:
    /// Makes one: zeros. Throws `resource_error`.
    explicit named_object(const object_kind& kind, std::size_t size);
    /// Opens one. Throws `resource_error` when its maker has none of that name any more, `decode_failed` when
    /// it is of another kind.
    named_object(const object_kind& kind, const std::string& name);
    ~named_object();
    named_object(const named_object&) = delete;
    named_object& operator=(const named_object&) = delete;

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    void expect(const object_kind& kind) const;

    template <class State, class... Args>
    void set_up(Args&&... args) const {
        ::new (data()) State(std::forward<Args>(args)...);
    }
    template <class State>
    [[nodiscard]] State& state() const {
        return *std::launder(reinterpret_cast<State*>(data()));
    }
    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    /// Of the state.
    [[nodiscard]] std::size_t size() const;

private:
    const own_name own_name_; // in the process that made it
    const std::string name_;
    const object_kind& kind_;
    std::unique_ptr<named_memory> memory_;
    std::byte* const data_; // of the state
};

/// Throws as the constructors do. `open_object` finds what this process has already.
std::shared_ptr<named_object> make_object(const object_kind& kind, std::size_t size);
std::shared_ptr<named_object> open_object(const object_kind& kind, const std::string& name);

} // namespace multiprocessing::detail
