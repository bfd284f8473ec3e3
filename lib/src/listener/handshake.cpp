// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "listener/handshake.hpp"

#include "os/process.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cstring>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <tuple>
#include <utility>

namespace multiprocessing::detail {
namespace {

template <class Object>
void append(std::vector<std::byte>& to, const Object& object) {
    const auto bytes = std::as_bytes(std::span(&object, 1));
    to.insert(to.end(), bytes.begin(), bytes.end());
}

/// Takes an object from the front.
template <class Object>
void take(std::vector<std::byte>& from, Object& object) {
    std::memcpy(&object, from.data(), sizeof object);
    from.erase(from.begin(), from.begin() + sizeof object);
}

} // namespace

handshake::handshake(role side, std::string_view key, const nonce& own) : side_(side), key_(key), own_(own) {
    if (side_ == role::accepts) {
        greet();
    }
}

std::vector<std::byte> handshake::take_output() {
    return std::exchange(output_, {});
}

std::size_t handshake::wanted() const noexcept {
    switch (state_) {
    case state::greeting_expected:
        return greeting_size + (side_ == role::accepts ? sizeof(proof) : 0) - input_.size();
    case state::proof_expected:
        return sizeof(proof) - input_.size();
    case state::over:
        break;
    }
    return 0;
}

void handshake::receive(std::span<const std::byte> bytes) {
    input_.insert(input_.end(), bytes.begin(), bytes.end());
    if (wanted() != 0) {
        return;
    }
    if (state_ == state::greeting_expected) {
        hear_greeting();
    }
    if (!input_.empty()) {
        check_proof();
    }
}

void handshake::greet() {
    append(output_, dialect{});
    append(output_, own_);
}

void handshake::hear_greeting() {
    dialect spoken;
    take(input_, spoken);
    if (spoken != dialect{}) {
        throw authentication_failed("the other side is not this library, or on another kind of machine");
    }
    take(input_, other_);
    if (side_ == role::connects) {
        greet();
        append(output_, prove(role::connects));
    }
    state_ = state::proof_expected;
}

void handshake::check_proof() {
    proof given;
    take(input_, given);
    const auto expected = prove(side_ == role::accepts ? role::connects : role::accepts);
    if (::CRYPTO_memcmp(given.data(), expected.data(), given.size()) != 0) { // takes as long for any two
        throw authentication_failed("the other side does not know the key");
    }
    if (side_ == role::accepts) {
        append(output_, prove(role::accepts));
    }
    state_ = state::over;
}

handshake::proof handshake::prove(role who) const {
    const std::string_view word = who == role::accepts ? "accepts " : "connects";
    const auto& [accepters, connecters] =
        side_ == role::accepts ? std::tie(own_, other_) : std::tie(other_, own_);
    std::vector<std::byte> content;
    for (const char letter : word) {
        append(content, letter);
    }
    append(content, accepters);
    append(content, connecters);
    proof result;
    unsigned size = 0;
    if (::HMAC(::EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
               reinterpret_cast<const unsigned char*>(content.data()), content.size(),
               reinterpret_cast<unsigned char*>(result.data()), &size) == nullptr ||
        size != result.size()) {
        throw authentication_failed("OpenSSL does not compute HMAC-SHA256 here");
    }
    return result;
}

handshake::nonce new_nonce() {
    std::array<std::uint64_t, sizeof(handshake::nonce) / sizeof(std::uint64_t)> numbers{};
    std::ranges::generate(numbers, os::random_number);
    handshake::nonce result;
    std::memcpy(result.data(), numbers.data(), result.size());
    return result;
}

} // namespace multiprocessing::detail
