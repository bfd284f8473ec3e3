// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/names.hpp"

#include "os/process.hpp"
#include "start/log.hpp"

#include <multiprocessing/error.hpp>

#include <boost/interprocess/shared_memory_object.hpp>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <sstream>
#include <string_view>

namespace multiprocessing::detail {
namespace {

constexpr const char* prefix = "multiprocessing";
constexpr const char* directory = "/dev/shm";
constexpr const char* of_users = "-of-users-of-";

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

/// Whether it was made by `name_of_users`, and there are any.
bool has_users(const std::string& name) {
    const auto found = name.find(of_users);
    if (found == std::string::npos) {
        return false;
    }
    std::istringstream rest(name.substr(found + std::strlen(of_users)));
    std::uint64_t file_number = 0;
    return rest >> file_number && os::is_used(file_number);
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

std::string name_of_users(const std::string& name, std::uint64_t file_number) {
    return name + of_users + std::to_string(file_number);
}

os::descriptor open_maker_of(const std::string& name) {
    const auto maker = maker_of(name);
    if (!maker || maker->pid_namespace != os::this_process().pid_namespace || !os::is_running(*maker)) {
        return {};
    }
    try {
        auto process = os::open_process(static_cast<long>(maker->pid));
        return os::is_running(*maker) ? std::move(process) : os::descriptor(); // it still has its number
    } catch (const resource_error& e) {
        if (e.code() != std::errc::no_such_process) {
            throw;
        }
        return {};
    }
}

own_name::own_name(const std::string& suffix) : text_(make_name() + suffix) {
    note(log_level::debug, [&] { return "makes " + text_ + " in shared memory"; });
}

void own_name::remove() noexcept {
    if (!text_.empty() && maker_.is_this_process()) {
        boost::interprocess::shared_memory_object::remove(text_.c_str());
        text_.clear();
    }
}

bool is_users_name(const std::string& name) {
    constexpr std::size_t longest = 255;
    return !name.empty() && name.size() <= longest && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/\0", 2)) == std::string::npos &&
           !name.starts_with(prefix + std::string("-"));
}

void add_name(const std::string& existing, const std::string& further) {
    const std::filesystem::path names(directory);
    std::error_code failure;
    std::filesystem::create_hard_link(names / existing, names / further, failure);
    if (failure) {
        os::throw_refused(failure.value(), "cannot name shared memory " + further);
    }
}

bool name_exists(const std::string& name) noexcept {
    try {
        std::error_code failure;
        const auto status = std::filesystem::status(std::filesystem::path(directory) / name, failure);
        return status.type() != std::filesystem::file_type::not_found;
    } catch (const std::bad_alloc&) {
        return true;
    }
}

void remove_names_beginning_with(const std::string& name) noexcept {
    remove_names_if([&](const std::string& each) { return each.starts_with(name); });
}

void remove_names_of_the_dead() noexcept {
    remove_names_if([](const std::string& each) {
        const auto maker = maker_of(each);
        return maker && !os::is_running(*maker) && !has_users(each);
    });
}

} // namespace multiprocessing::detail
