// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdint>
#include <memory>
#include <netdb.h>
#include <string>

namespace multiprocessing::os {

/// How this machine calls itself.
[[gnu::visibility("default")]] [[nodiscard]] std::string host_name();
/// Whether that is a name or an address of this machine. Finding out the address of a name may take long.
[[gnu::visibility("default")]] [[nodiscard]] bool is_this_host(const std::string& name);

using addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;
/// Those of a host, for a stream to or from that port, or port 0. Throws `resource_error`. May take long.
[[nodiscard]] addresses resolve(const std::string& host, std::uint16_t port, int flags);
/// As people write it.
[[nodiscard]] std::string name_of(const std::string& host, std::uint16_t port);

} // namespace multiprocessing::os
