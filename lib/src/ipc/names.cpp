// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/names.hpp"

#include "os/descriptor.hpp"
#include "os/process.hpp"

#include <boost/interprocess/shared_memory_object.hpp>
#include <filesystem>
#include <optional>
#include <sstream>

namespace multiprocessing::detail {
namespace {

constexpr const char* prefix = "multiprocessing";
constexpr const char* directory = "/dev/shm";

std::optional<os::process_identity> maker_of(const std::string& name) {
    std::istringstream fields(name);
    std::string first;
    os::process_identity maker;
    char dash = '-';
    if (std::getline(fields, first, '-') && first == prefix &&
        fields >> maker.pid_namespace >> dash >> maker.pid >> dash >> maker.start_time && dash == '-') {
        return maker;
    }
    return std::nullopt;
}

/// Whether it is a name that many use, or was derived from one, and somebody does.
bool is_in_use(const std::string& name) {
    const auto found = name.find(used_by_many);
    return found != std::string::npos &&
           os::is_used(directory + ("/" + name.substr(0, found)) + used_by_many);
}

template <class Condition>
void remove_names_if(const Condition& condition) noexcept {
    try {
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            const auto name = entry.path().filename().string();
            if (condition(name)) {
                boost::interprocess::shared_memory_object::remove(name.c_str());
            }
        }
    } catch (...) { // no such directory, or no memory: nothing of ours to remove, or not now
    }
}

} // namespace

std::string make_name() {
    const auto self = os::this_process();
    std::ostringstream name;
    name << prefix << '-' << self.pid_namespace << '-' << self.pid << '-' << self.start_time << '-'
         << std::hex << os::random_number();
    return name.str();
}

own_name::own_name(const std::string& suffix) : text_(make_name() + suffix) {}

void own_name::remove() noexcept {
    if (!text_.empty() && maker_.is_this_process()) {
        boost::interprocess::shared_memory_object::remove(text_.c_str());
        text_.clear();
    }
}

void remove_names_beginning_with(const std::string& name) noexcept {
    remove_names_if([&](const std::string& each) { return each.starts_with(name); });
}

void remove_names_of_the_dead() noexcept {
    remove_names_if([](const std::string& each) {
        const auto maker = maker_of(each);
        return maker && !os::is_running(*maker) && !is_in_use(each);
    });
}

} // namespace multiprocessing::detail
