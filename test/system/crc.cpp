// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Prints what `cksum` prints for each regular file below a folder, computed by a pool, in any order.
#include <multiprocessing.hpp>

#include <array>
#include <boost/crc.hpp>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <ranges>

namespace mp = multiprocessing;
namespace fs = std::filesystem;

namespace {

struct checksum {
    std::uint32_t crc = 0;
    std::uint64_t size = 0;
    fs::path file{};
};

/// The CRC of POSIX: of the content, followed by its length, the least significant byte first and without
/// leading zeros.
checksum checksum_of(const fs::path& file) {
    boost::crc_optimal<32, 0x04C11DB7, 0, 0xFFFFFFFF, false, false> crc;
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        throw fs::filesystem_error("cannot open", file, std::make_error_code(std::errc::io_error));
    }
    std::uint64_t size = 0;
    for (std::array<char, 64 * 1024> block; in.read(block.data(), block.size()), in.gcount() != 0;) {
        const auto length = static_cast<std::size_t>(in.gcount());
        crc.process_bytes(block.data(), length);
        size += length;
    }
    for (auto rest = size; rest != 0; rest >>= 8) {
        crc.process_byte(static_cast<unsigned char>(rest));
    }
    return {crc.checksum(), size, file};
}

} // namespace

int main(int argc, char** argv) {
    mp::init(argc, argv);
    const fs::path folder = argc > 1 ? argv[1] : "/usr/include";
    try {
        mp::pool pool;
        // The pool reads this range as it goes: the files are never all in memory.
        auto files = fs::recursive_directory_iterator(folder) |
                     std::views::filter([](const fs::directory_entry& entry) {
                         return fs::is_regular_file(entry.symlink_status());
                     });
        for (const checksum& each : pool.imap_unordered(checksum_of, files)) {
            std::cout << each.crc << ' ' << each.size << ' ' << each.file.native() << '\n';
        }
    } catch (const std::exception& e) {
        std::cerr << "crc: " << e.what() << '\n';
        return 1;
    }
}
