// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The ways in which descriptors travel. The bytes say first how this one does:
//
//     | beside  | its place among those that came with the bytes
//     | waiting | the address of a depot | the ticket to say there
#include <multiprocessing/detail/descriptors.hpp>

#include "connection/depot.hpp"
#include "connection/packet_carrier.hpp"
#include "os/unshared.hpp"

#include <multiprocessing/connection.hpp>
#include <multiprocessing/serialize.hpp>

#include <memory>
#include <utility>

namespace multiprocessing::detail {
namespace {

enum class way : std::uint8_t { beside, waiting };

void put_place(encoder& out, std::size_t index) {
    out.put(way::beside);
    out.put(static_cast<std::uint32_t>(index));
}

claim_check put_waiting(encoder& out, int fd, const claim_terms& terms) {
    auto check = own_depot().leave(os::duplicate(fd), terms);
    out.put(way::waiting);
    out.put(check.address);
    out.put(check.ticket);
    return check;
}

class argument_carrier final : public descriptor_carrier {
public:
    void put(encoder& out, int fd) override {
        struct waits_meanwhile {
            claim_check check;
            ~waits_meanwhile() { own_depot().withdraw(check); }
        };
        auto waits = std::make_shared<waits_meanwhile>();
        waits->check = put_waiting(out, fd, {.once = false});
        out.keep_alive(std::move(waits));
    }
};

} // namespace

void put_descriptor(encoder& out, int fd) {
    if (auto* const carrier = out.carrier()) {
        carrier->put(out, fd);
    } else {
        put_waiting(out, fd, {.until = deadline_after(longest_on_the_way)});
    }
}

int get_descriptor(decoder& in) {
    switch (in.get<way>()) {
    case way::beside: {
        const auto index = in.get<std::uint32_t>();
        if (in.carried() == nullptr) {
            throw decode_failed("a descriptor is announced, and none came along");
        }
        return in.carried()->take(index);
    }
    case way::waiting: {
        claim_check check{.address = in.get<std::string>()};
        check.ticket = in.get<std::uint64_t>();
        return fetch(check).release();
    }
    }
    throw decode_failed("a descriptor is announced that travels in no known way");
}

descriptor_carrier& carrier_of_arguments() {
    static auto& carrier = *new argument_carrier;
    return carrier;
}

void inheritance::put(encoder& out, int fd) {
    put_place(out, descriptors_.size());
    auto kept = std::make_shared<os::unshared_descriptor>(os::duplicate(fd)); // not for other children
    descriptors_.push_back(kept->get());
    owners_.push_back(std::move(kept));
}

void inheritance::give_up() noexcept {
    is_given_up_ |= !descriptors_.empty();
    descriptors_.clear();
    owners_.clear();
}

void packet_carrier::put(encoder& out, int fd) {
    if (descriptors_.size() == most_carried) {
        throw not_encodable("a message can hold " + std::to_string(most_carried) +
                            " connections and writers of queues at most");
    }
    put_place(out, descriptors_.size());
    descriptors_.push_back(fd);
}

} // namespace multiprocessing::detail
