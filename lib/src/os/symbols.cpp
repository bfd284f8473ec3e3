// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/symbols.hpp"

#include <algorithm>
#include <boost/core/demangle.hpp>
#include <cstring>
#include <filesystem>
#include <string_view>

namespace multiprocessing::os {

namespace {

/// How much of a demangled name, at its beginning, is no bracket although it looks like one: the name of an
/// operator, a namespace without a name.
std::size_t size_of_odd_name(std::string_view text, bool begins_a_word) {
    constexpr std::string_view anonymous = "(anonymous namespace)";
    constexpr std::string_view call_operator = "operator()";
    constexpr std::string_view any_operator = "operator";
    if (text.starts_with(anonymous)) {
        return anonymous.size();
    }
    if (begins_a_word && text.starts_with(call_operator)) {
        return call_operator.size();
    }
    if (begins_a_word && text.starts_with(any_operator)) {
        return std::min(text.find('('), text.size()); // of whatever sign or type
    }
    return 0;
}

} // namespace

std::string readable_function(const char* symbol) {
    const auto name = boost::core::demangle(symbol);
    int depth = 0; // within the arguments of templates, and lambdas
    for (std::size_t at = 0; at < name.size(); ++at) {
        const bool begins_a_word = at == 0 || name[at - 1] == ':' || name[at - 1] == ' ';
        if (const auto size = size_of_odd_name(std::string_view(name).substr(at), begins_a_word); size != 0) {
            at += size - 1;
        } else if (name[at] == '<' || name[at] == '{') {
            ++depth;
        } else if (name[at] == '>' || name[at] == '}') {
            --depth;
        } else if (name[at] == '(' && depth == 0) {
            return name.substr(0, at);
        }
    }
    return name;
}

symbol_file::symbol_file(const std::string& path) {
    std::error_code failure;
    if (!std::filesystem::is_regular_file(path, failure)) {
        return; // who opens a device or a pipe may wait for ever
    }
    file_.open(path, std::ios::binary | std::ios::ate);
    size_ = file_ ? static_cast<std::uint64_t>(file_.tellg()) : 0;
    const auto header = read<ElfW(Ehdr)>(0, sizeof(ElfW(Ehdr)));
    if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0) {
        return;
    }
    segments_ = read<ElfW(Phdr)>(header[0].e_phoff, sizeof(ElfW(Phdr)) * header[0].e_phnum);
    const auto sections = read<ElfW(Shdr)>(header[0].e_shoff, sizeof(ElfW(Shdr)) * header[0].e_shnum);
    read_symbols(sections, SHT_SYMTAB);
    read_symbols(sections, SHT_DYNSYM);
}

template <class T>
std::vector<T> symbol_file::read(std::uint64_t offset, std::uint64_t bytes) {
    if (offset > size_ || bytes > size_ - offset || bytes > largest_table) {
        return {};
    }
    std::vector<T> content(bytes / sizeof(T));
    file_.seekg(static_cast<std::streamoff>(offset));
    file_.read(reinterpret_cast<char*>(content.data()),
               static_cast<std::streamsize>(content.size() * sizeof(T)));
    return file_ ? content : std::vector<T>();
}

void symbol_file::read_symbols(const std::vector<ElfW(Shdr)>& sections, unsigned type) {
    for (const auto& section : sections) {
        if (section.sh_type == type && section.sh_link < sections.size()) {
            const auto& names = sections[section.sh_link];
            tables_.push_back({read<ElfW(Sym)>(section.sh_offset, section.sh_size),
                               read<char>(names.sh_offset, names.sh_size)});
            return; // no module has two
        }
    }
}

std::optional<std::uint64_t> symbol_file::address_of(std::uint64_t offset) const {
    for (const auto& segment : segments_) {
        if (segment.p_type == PT_LOAD && offset >= segment.p_offset &&
            offset - segment.p_offset < segment.p_filesz) {
            return offset - segment.p_offset + segment.p_vaddr;
        }
    }
    return std::nullopt;
}

std::string symbol_file::function_at(std::uint64_t address) const {
    for (const auto& [symbols, names] : tables_) {
        for (const auto& symbol : symbols) {
            if ((symbol.st_info & 0xf) == STT_FUNC && symbol.st_name < names.size() &&
                address >= symbol.st_value && address - symbol.st_value < symbol.st_size) {
                const auto* name = names.data() + symbol.st_name;
                return readable_function(
                    std::string(name, ::strnlen(name, names.size() - symbol.st_name)).c_str());
            }
        }
    }
    return {};
}

} // namespace multiprocessing::os
