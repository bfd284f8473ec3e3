// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/modules.hpp"

#include "os/symbols.hpp"

#include <multiprocessing/error.hpp>

#include <cstring>
#include <dlfcn.h>
#include <filesystem>
#include <functional>
#include <link.h>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace multiprocessing::os {
namespace {

struct module_info {
    std::string path;
    std::uintptr_t base = 0;
    std::string build_id;
};

/// Calls `visit` with the loader's entry of each module until it returns true; the executable comes first.
void for_each_module(const std::function<bool(const dl_phdr_info&, bool is_executable)>& visit) {
    struct state {
        const std::function<bool(const dl_phdr_info&, bool)>& visit;
        bool is_executable = true;
    } state{visit};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& seen = *static_cast<struct state*>(data);
            return seen.visit(*info, std::exchange(seen.is_executable, false)) ? 1 : 0;
        },
        &state);
}

bool contains(const dl_phdr_info& module, std::uintptr_t address) {
    for (int i = 0; i != module.dlpi_phnum; ++i) {
        const auto& segment = module.dlpi_phdr[i];
        const auto begin = module.dlpi_addr + segment.p_vaddr;
        if (segment.p_type == PT_LOAD && address >= begin && address < begin + segment.p_memsz) {
            return true;
        }
    }
    return false;
}

/// Notes are a header, a name and content, each padded to four bytes.
std::string build_id_of(const dl_phdr_info& module) {
    const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
    for (int i = 0; i != module.dlpi_phnum; ++i) {
        const auto& segment = module.dlpi_phdr[i];
        if (segment.p_type != PT_NOTE) {
            continue;
        }
        const auto* at = reinterpret_cast<const char*>(module.dlpi_addr + segment.p_vaddr);
        const auto* end = at + segment.p_memsz;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            ElfW(Nhdr) note;
            std::memcpy(&note, at, sizeof note);
            const auto* name = at + sizeof note;
            const auto* content = name + padded(note.n_namesz);
            if (note.n_type == NT_GNU_BUILD_ID &&
                std::string_view(name, note.n_namesz) == std::string_view("GNU", 4)) {
                return {content, note.n_descsz};
            }
            at = content + padded(note.n_descsz);
        }
    }
    return {};
}

/// Nearly all functions lie in the executable; where it lies is looked up once.
struct executable_range {
    std::uintptr_t base = 0;
    std::uintptr_t begin = UINTPTR_MAX;
    std::uintptr_t end = 0;
};

const executable_range& executable() {
    static const executable_range range = [] {
        executable_range result;
        for_each_module([&](const dl_phdr_info& info, bool) {
            result.base = info.dlpi_addr;
            for (int i = 0; i != info.dlpi_phnum; ++i) {
                const auto& segment = info.dlpi_phdr[i];
                if (segment.p_type == PT_LOAD) {
                    result.begin = std::min(result.begin, info.dlpi_addr + segment.p_vaddr);
                    result.end = std::max(result.end, info.dlpi_addr + segment.p_vaddr + segment.p_memsz);
                }
            }
            return true;
        });
        return result;
    }();
    return range;
}

std::optional<module_info> module_around(std::uintptr_t address) {
    std::optional<module_info> found;
    for_each_module([&](const dl_phdr_info& info, bool) {
        if (!contains(info, address)) {
            return false;
        }
        found = module_info{std::filesystem::absolute(info.dlpi_name).string(), info.dlpi_addr,
                            build_id_of(info)};
        return true;
    });
    return found;
}

std::optional<module_info> loaded_module(const std::string& path) {
    std::optional<module_info> found;
    for_each_module([&](const dl_phdr_info& info, bool is_executable) {
        if (is_executable || std::filesystem::absolute(info.dlpi_name) != path) {
            return false;
        }
        found = module_info{path, info.dlpi_addr, build_id_of(info)};
        return true;
    });
    return found;
}

} // namespace

std::string build_id_of_program() {
    std::string found;
    for_each_module([&](const dl_phdr_info& info, bool) { // the first is the executable
        found = build_id_of(info);
        return true;
    });
    return found;
}

std::uint64_t offset_in_program(const void* address) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    const auto& program = executable();
    return at >= program.begin && at < program.end ? at - program.base : not_in_program;
}

const void* address_in_program(std::uint64_t offset) noexcept {
    const auto& program = executable();
    const auto at = program.base + offset;
    return at >= program.begin && at < program.end ? reinterpret_cast<const void*>(at) : nullptr;
}

code_place place_of(const void* address) {
    if (const auto offset = offset_in_program(address); offset != not_in_program) {
        return {.offset = offset};
    }
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (auto module = module_around(at)) {
        return {std::move(module->path), std::move(module->build_id), at - module->base};
    }
    throw not_encodable(
        "the function lies neither in the program nor in a shared library: code made at run time "
        "cannot run in another process");
}

const void* address_of(const code_place& place) {
    if (place.module.empty()) {
        if (const auto* address = address_in_program(place.offset)) {
            return address;
        }
        throw decode_failed("a function is said to lie outside the program");
    }
    auto module = loaded_module(place.module);
    if (!module) {
        if (::dlopen(place.module.c_str(), RTLD_NOW) == nullptr) {
            throw decode_failed("cannot load the library that holds the function: " +
                                std::string(::dlerror()));
        }
        module = loaded_module(place.module);
    }
    if (!module || module->build_id != place.build_id) {
        throw decode_failed(place.module + " has changed since the sending process loaded it");
    }
    return reinterpret_cast<const void*>(module->base + place.offset);
}

std::string function_at(const void* address) {
    Dl_info exported{};
    if (::dladdr(address, &exported) != 0 && exported.dli_sname != nullptr && exported.dli_saddr == address) {
        return readable_function(exported.dli_sname);
    }
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    if (const auto offset = offset_in_program(address); offset != not_in_program) {
        return symbol_file("/proc/self/exe").function_at(offset);
    }
    const auto module = module_around(at);
    return module ? symbol_file(module->path).function_at(at - module->base) : std::string();
}

std::string executable_path() {
    std::error_code failure;
    return std::filesystem::read_symlink("/proc/self/exe", failure).string();
}

} // namespace multiprocessing::os
