// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <elf.h>
#include <fstream>
#include <link.h>
#include <optional>
#include <string>
#include <vector>

namespace multiprocessing::os {

/// The file of a module, for the names of its functions. What is not a module, or not to be read, has none.
class symbol_file {
public:
    /// No program that anybody debugs has larger tables; a file with rubbish in it may say so.
    static constexpr std::uint64_t largest_table = std::uint64_t{512} << 20;

    explicit symbol_file(const std::string& path);

    /// At which address, relative to the module's base, the file's content at `offset` is executed.
    [[nodiscard]] std::optional<std::uint64_t> address_of(std::uint64_t offset) const;
    /// The function around an address relative to the module's base, as people know it, without its
    /// parameters. Empty when the file does not tell.
    [[nodiscard]] std::string function_at(std::uint64_t address) const;

private:
    struct table {
        std::vector<ElfW(Sym)> symbols;
        std::vector<char> names;
    };

    template <class T>
    std::vector<T> read(std::uint64_t offset, std::uint64_t bytes);
    void read_symbols(const std::vector<ElfW(Shdr)>& sections, unsigned type);

    std::ifstream file_;
    std::uint64_t size_ = 0;
    std::vector<ElfW(Phdr)> segments_;
    std::vector<table> tables_; // the full one first
};

/// The name in a symbol as people know it, without parameters.
std::string readable_function(const char* symbol);

} // namespace multiprocessing::os
