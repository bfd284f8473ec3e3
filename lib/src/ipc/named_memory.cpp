// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/named_memory.hpp"

#include "os/memory.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace multiprocessing::detail {

namespace ipc = boost::interprocess;

namespace {

/// So much is taken at a time. A signal undoes what a call has done so far, and some programs get one every
/// 10 ms.
constexpr std::size_t piece = std::size_t{4} << 20;

void allocate(int file, std::size_t size) {
    if (size >
        os::file_system_room(file)) { // else all there is would be taken, from everybody, to find that out
        throw resource_error(std::make_error_code(std::errc::no_space_on_device), "no room");
    }
    for (std::size_t done = 0; done < size; done += piece) {
        os::allocate(file, done, std::min(piece, size - done));
    }
}

[[noreturn]] void throw_no_room(int error, std::size_t size) {
    os::throw_refused(error, "cannot get " + std::to_string(size) +
                                 " bytes of shared memory (is there room in /dev/shm?)");
}

} // namespace

named_memory named_memory::create(const std::string& name, std::size_t size) {
    try {
        ipc::shared_memory_object object(ipc::create_only, name.c_str(), ipc::read_write,
                                         ipc::permissions(0600));
        allocate(object.get_mapping_handle().handle, size);
        return named_memory(std::move(object));
    } catch (const ipc::interprocess_exception& e) {
        if (e.get_error_code() != ipc::already_exists_error) { // else it is somebody else's
            remove(name);
        }
        throw_no_room(e.get_native_error(), size);
    } catch (const resource_error& e) {
        remove(name);
        throw_no_room(e.code().value(), size);
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

void throw_gone(const std::string& what) {
    os::throw_refused(ENOENT, "cannot open " + what +
                                  " (has the process that made it destroyed its last handle, or ended?)");
}

} // namespace multiprocessing::detail
