// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "os/host.hpp"

#include <array>
#include <ifaddrs.h>
#include <memory>
#include <netdb.h>
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
    std::set<std::string> addresses;
    for (const auto* each = all.get(); each != nullptr; each = each->ifa_next) {
        addresses.insert(text_of(each->ifa_addr));
    }
    addresses.erase(std::string());
    return addresses;
}

} // namespace

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : "this host";
}

bool is_this_host(const std::string& name) {
    if (name == "localhost" || name == host_name()) {
        return true;
    }
    addrinfo* found = nullptr;
    if (::getaddrinfo(name.c_str(), nullptr, nullptr, &found) != 0) {
        return false;
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all(found, &::freeaddrinfo);
    const auto own = own_addresses();
    for (const auto* each = all.get(); each != nullptr; each = each->ai_next) {
        const auto address = text_of(each->ai_addr);
        if (own.contains(address) || address.starts_with("127.")) {
            return true;
        }
    }
    return false;
}

} // namespace multiprocessing::os
