// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// What a child is started with: the handover, and in it the place of the function to call.
#include "fuzz.hpp"

#include "os/modules.hpp"
#include "start/handover.hpp"

using namespace fuzz;

namespace {

/// As the child does before it jumps there. Places in other modules are left out: whatever is there would be
/// loaded.
void check_code_place(std::span<const std::byte> call) {
    try {
        mp::decoder in(call);
        const auto place = in.get<mp::os::code_place>();
        require(decoded<mp::os::code_place>(mp::encode(place)) == place,
                "the place decoded again is the same");
        if (place.module.empty()) {
            const auto* address = mp::os::address_of(place);
            require(mp::os::place_of(address).offset == place.offset, "the address is that of the place");
        }
    } catch (const mp::decode_failed&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = as_bytes(data, size);
    check_round_trip<mp::detail::handover>(bytes);
    if (const auto work = decoded<mp::detail::handover>(bytes)) {
        check_code_place(work->call);
    }
    return 0;
}
