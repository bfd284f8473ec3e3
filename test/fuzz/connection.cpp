// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a connection receives: a packet from a process on this machine, or bytes of a stream from another one.
#include "fuzz.hpp"

#include "connection/ends.hpp"
#include "os/socket.hpp"

#include <multiprocessing/connection.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace fuzz;
using namespace mp::detail;

namespace {

using value = std::vector<std::string>;

/// All values that come before the end, or before something that is none.
template <class T>
void receive_all(mp::connection<T> from) {
    try {
        for (;;) {
            (void)from.recv();
        }
    } catch (const mp::end_of_file&) {
    } catch (const mp::decode_failed&) {
    }
}

constexpr std::size_t max_message = 1000;

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const bool is_stream = data[0] % 2 != 0;
    const auto bytes = as_bytes(data, size).subspan(1);
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, (is_stream ? SOCK_STREAM : SOCK_SEQPACKET) | SOCK_CLOEXEC, 0, ends.data()) !=
        0) {
        return 0;
    }
    mp::os::descriptor here(ends[0]);
    mp::os::descriptor there(ends[1]);
    (void)!::write(there.get(), bytes.data(), bytes.size());
    there = mp::os::descriptor();
    receive_all(is_stream ? mp::connection<value>(make_stream_end(std::move(here), max_message))
                          : mp::connection<value>(make_packet_end(std::move(here), end_kind::both)));
    return 0;
}
