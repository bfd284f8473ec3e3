// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "wire/frame.hpp"

#include <cstring>

namespace multiprocessing::detail {

message_view parse_message(std::span<const std::byte> message) {
    message_view view;
    if (message.size() < sizeof view.header) {
        throw nonsense_received("a message is too short for a frame");
    }
    std::memcpy(&view.header, message.data(), sizeof view.header);
    view.content = message.subspan(sizeof view.header);
    const auto& header = view.header;
    if (header.kind > frame_kind::result || header.route > frame_route::by_courier) {
        throw nonsense_received("a message is not a frame");
    }
    if (header.route == frame_route::in_heap) {
        if (view.content.size() != sizeof view.place) {
            throw nonsense_received("a frame does not say where its content is");
        }
        std::memcpy(&view.place, view.content.data(), sizeof view.place);
        view.content = {};
    }
    if (view.content.size() != (header.route == frame_route::in_message ? header.size : 0)) {
        throw nonsense_received("a frame's content is not as large as it is said to be");
    }
    return view;
}

} // namespace multiprocessing::detail
