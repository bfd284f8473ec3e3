// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/memory.hpp"
#include "wire/frame.hpp"

#include <multiprocessing/detail/completion.hpp>
#include <multiprocessing/error.hpp>

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <system_error>

/// Contents too large for a message.
namespace multiprocessing::detail {

/// A content that stays when the message it is in does not.
payload copy_of(std::span<const std::byte> content);

/// The frame of which a header tells, with the content that `take` gets hold of. Where this end has no memory
/// or descriptor for it the frame says so: that is not the sender's fault.
template <class Take>
frame take_frame_with(const frame_header& header, const Take& take) {
    frame taken{header.kind, header.id};
    try {
        taken.content = take();
    } catch (const resource_error&) {
        taken.lost = std::current_exception();
    } catch (const std::bad_alloc&) {
        taken.lost = std::make_exception_ptr(
            resource_error(std::make_error_code(std::errc::not_enough_memory),
                           "no memory for a content of " + std::to_string(header.size) + " bytes"));
    }
    return taken;
}

/// Throws `resource_error`: a content of that size came in a descriptor that this process has no number for.
[[noreturn]] void throw_no_descriptor(std::size_t size);

/// The content of a sealed memfd that came by courier. Throws `nonsense_received` when it is not one of that
/// size, `resource_error`.
payload read_sealed(os::descriptor memory, std::size_t size);

} // namespace multiprocessing::detail
