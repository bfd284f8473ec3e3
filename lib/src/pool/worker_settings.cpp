// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/worker_settings.hpp"

#include "child/worker_loop.hpp"

#include <csignal>
#include <stdexcept>
#include <utility>

namespace multiprocessing::detail {
namespace {

[[noreturn]] void refuse(const std::string& why) {
    throw std::invalid_argument("multiprocessing::pool: " + why);
}

const worker_limits& checked(const worker_limits& limits) {
    if (limits.cpu_time < std::chrono::seconds::zero()) {
        refuse("the limit of CPU time is negative");
    }
    return limits;
}

std::string checked_path(const std::filesystem::path& path) {
    if (path.native().find('\0') != std::string::npos) {
        refuse("the working directory has a null character in its name");
    }
    return std::filesystem::absolute(path).native(); // the same for workers that are started later
}

std::string checked_assignment(const std::string& name, const std::string& value) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
        refuse("an environment variable cannot be named '" + name + "'");
    }
    if (value.find('\0') != std::string::npos) {
        refuse("the value of the environment variable " + name + " has a null character in it");
    }
    return name + "=" + value;
}

} // namespace

worker_settings::worker_settings(const pool_options& options, wording words)
    : words_(std::move(words)),
      limits_(checked(options.limits)),
      start_method_(options.start_method.value_or(get_start_method())) {
    if (options.niceness != 0) {
        common_.push_back(os::more_niceness(options.niceness));
    }
    if (!options.working_directory.empty()) {
        common_.push_back(os::working_directory(checked_path(options.working_directory)));
    }
    if (limits_.open_files != 0) {
        common_.push_back(os::open_files_limit(limits_.open_files));
    }
    if (limits_.core_size) {
        common_.push_back(os::core_size_limit(*limits_.core_size));
    }
    if (limits_.cpu_time != std::chrono::seconds::zero()) {
        common_.push_back(os::cpu_time_limit(static_cast<std::size_t>(limits_.cpu_time.count())));
    }
    if (limits_.data != 0) {
        common_.push_back(os::data_limit(limits_.data));
    }
    if (limits_.address_space != 0) {
        common_.push_back(os::address_space_limit(limits_.address_space));
    }
    for (const auto& [name, value] : options.environment) {
        environment_.push_back(checked_assignment(name, value));
    }
    if (options.affinity == cpu_affinity::round_robin) {
        cpus_ = os::usable_cpus();
    }
}

std::vector<os::setting> worker_settings::all(std::optional<int> cpu) const {
    auto result = common_;
    if (cpu) {
        result.insert(result.begin(), os::only_cpu(*cpu));
    }
    return result;
}

bool worker_settings::memory_is_limited() const noexcept {
    return limits_.address_space != 0 || limits_.data != 0;
}

std::string worker_settings::about_end(int exit_code) const {
    const auto size = [](std::size_t count) { return std::to_string(count) + " bytes"; };
    if (exit_code == out_of_memory && memory_is_limited()) {
        if (limits_.address_space != 0 && limits_.data != 0) {
            return "it needed more memory than its limits of " + size(limits_.address_space) +
                   " of address space and " + size(limits_.data) + " of data";
        }
        return "it needed more memory than its limit of " +
               size(limits_.address_space != 0 ? limits_.address_space : limits_.data);
    }
    if (exit_code == -SIGXCPU && limits_.cpu_time != std::chrono::seconds::zero()) {
        return "it used more CPU time than its limit of " + std::to_string(limits_.cpu_time.count()) + " s";
    }
    // Code that does not expect a limit ends like this, when it notices at all.
    if (exit_code <= 0 && exit_code != -SIGSEGV && exit_code != -SIGBUS && exit_code != -SIGABRT) {
        return {};
    }
    std::string text;
    const auto add = [&](std::size_t limit, const char* what, const std::string& most) {
        if (limit != 0) {
            text += (text.empty() ? "" : ", ") + std::string(what) + " limited to " + most;
        }
    };
    add(limits_.address_space, "its address space is", size(limits_.address_space));
    add(limits_.data, "its data is", size(limits_.data));
    add(limits_.open_files, "its open files are", std::to_string(limits_.open_files));
    return text;
}

} // namespace multiprocessing::detail
