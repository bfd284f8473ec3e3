// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/host.hpp"

#include <multiprocessing/error.hpp>

#include <array>
#include <cerrno>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <set>
#include <unistd.h>

namespace multiprocessing::os {
namespace {

/// Empty for what is no address of the internet.
std::string text_of(const sockaddr* address) {
    if (address == nullptr || (address->sa_family != AF_INET && address->sa_family != AF_INET6)) {
        return {};
    }
    const socklen_t size = address->sa_family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    std::array<char, NI_MAXHOST> text{};
    const int failure = ::getnameinfo(address, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
    return failure == 0 ? std::string(text.data()) : std::string();
}

std::set<std::string> own_addresses() {
    ifaddrs* found = nullptr;
    if (::getifaddrs(&found) != 0) {
        return {};
    }
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> all(found, &::freeifaddrs);
    std::set<std::string> own;
    for (const auto* each = all.get(); each != nullptr; each = each->ifa_next) {
        own.insert(text_of(each->ifa_addr));
    }
    own.erase(std::string());
    return own;
}

} // namespace

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "this host";
}

std::string name_of(const std::string& host, std::uint16_t port) {
    return host + ":" + std::to_string(port);
}

addresses resolve(const std::string& host, std::uint16_t port, int flags) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = flags | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failure = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
    if (failure != 0) {
        const std::error_code code(failure == EAI_SYSTEM ? errno : EADDRNOTAVAIL, std::system_category());
        throw resource_error(code, "cannot find the address of " + name_of(host, port) + ": " +
                                       ::gai_strerror(failure));
    }
    return {found, &::freeaddrinfo};
}

bool is_this_host(const std::string& name) {
    if (name == "localhost" || name == host_name()) {
        return true;
    }
    try {
        const auto own = own_addresses();
        const auto all = resolve(name, 0, 0);
        for (const auto* each = all.get(); each != nullptr; each = each->ai_next) {
            const auto address = text_of(each->ai_addr);
            if (own.contains(address) || address.starts_with("127.")) {
                return true;
            }
        }
    } catch (const resource_error&) { // nobody has that name
    }
    return false;
}

} // namespace multiprocessing::os
