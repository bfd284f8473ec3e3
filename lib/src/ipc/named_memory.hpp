// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/interprocess/mapped_region.hpp>
#include <boost/interprocess/shared_memory_object.hpp>
#include <cstddef>
#include <string>

namespace multiprocessing::detail {

/// Shared memory with a name, created or opened, mapped. Throws `resource_error`.
class named_memory {
public:
    /// Takes all the memory at once: touching it is never SIGBUS.
    static named_memory create(const std::string& name, std::size_t size);
    static named_memory open(const std::string& name);
    static void remove(const std::string& name) noexcept;

    [[nodiscard]] std::byte* data() const { return static_cast<std::byte*>(region_.get_address()); }
    [[nodiscard]] std::size_t size() const { return region_.get_size(); }
    /// Until `close_descriptor`, after which it only is mapped.
    [[nodiscard]] int descriptor() const { return object_.get_mapping_handle().handle; }
    void close_descriptor() { object_ = {}; }

private:
    explicit named_memory(boost::interprocess::shared_memory_object&& object);
    boost::interprocess::shared_memory_object object_;
    boost::interprocess::mapped_region region_;
};

/// The error of who opens something whose name is gone.
[[noreturn]] void throw_gone(const std::string& what);

} // namespace multiprocessing::detail
