// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/named_memory.hpp"

#include "os/memory.hpp"

#include <utility>

namespace multiprocessing::detail {

namespace ipc = boost::interprocess;

named_memory named_memory::create(const std::string& name, std::size_t size) {
    try {
        ipc::shared_memory_object object(ipc::create_only, name.c_str(), ipc::read_write,
                                         ipc::permissions(0600));
        object.truncate(static_cast<ipc::offset_t>(size));
        return named_memory(std::move(object));
    } catch (const ipc::interprocess_exception& e) {
        if (e.get_error_code() != ipc::already_exists_error) { // else it is somebody else's
            remove(name);
        }
        os::throw_refused(e.get_native_error(), "cannot get " + std::to_string(size) +
                                                    " bytes of shared memory (is there room in /dev/shm?)");
    }
}

named_memory named_memory::open(const std::string& name) {
    try {
        ipc::shared_memory_object object(ipc::open_only, name.c_str(), ipc::read_write);
        os::check_owner(object.get_mapping_handle().handle);
        return named_memory(std::move(object));
    } catch (const ipc::interprocess_exception& e) {
        os::throw_refused(e.get_native_error(), "cannot open shared memory " + name +
                                                    " (does the process that made it still run?)");
    }
}

void named_memory::remove(const std::string& name) noexcept {
    ipc::shared_memory_object::remove(name.c_str());
}

named_memory::named_memory(ipc::shared_memory_object&& object)
    : object_(std::move(object)), region_(object_, ipc::read_write) {}

} // namespace multiprocessing::detail
