// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// A message between a pool and its worker, as it is taken out of a queue or a socket.
#include "fuzz.hpp"

#include "wire/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>

using namespace fuzz;
using namespace mp::detail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = as_bytes(data, size);
    try {
        const auto view = parse_message(message);
        const auto& header = view.header;
        require(header.kind <= frame_kind::result, "the kind is known");
        require(header.route <= frame_route::by_courier, "the route is known");
        require(view.content.size() == (header.route == frame_route::in_message ? header.size : 0),
                "the content is as large as it is said to be");
        std::array<std::byte, sizeof header> head;
        std::memcpy(head.data(), &header, sizeof header);
        const auto behind =
            header.route == frame_route::in_heap ? std::as_bytes(std::span(&view.place, 1)) : view.content;
        require(std::ranges::equal(head, message.first(sizeof header)) &&
                    std::ranges::equal(behind, message.subspan(sizeof header)),
                "header and content, or its place, are the message");
    } catch (const nonsense_received&) {
    }
    return 0;
}
