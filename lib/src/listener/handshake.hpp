// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include "os/descriptor.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// How both sides of a new connection prove that they know the same key.
///
///     accepts                                     connects
///        |-- what we speak, random number A ---------->|
///        |<- what we speak, random number B, proof ----|   HMAC(key, "connects", A, B)
///        |-- proof ----------------------------------->|   HMAC(key, "accepts", A, B)
///
/// Who is asked for a proof has chosen one of the numbers, so that none serves twice; the words keep one side
/// from sending back what the other has said.
namespace multiprocessing::detail {

/// Decides what to send and what to believe; sends and receives nothing itself.
class handshake {
public:
    using nonce = std::array<std::byte, 32>;
    using proof = std::array<std::byte, 32>;
    enum class role { accepts, connects };

    /// `own` is a number that nobody can guess, and nobody has used.
    handshake(role side, std::string_view key, const nonce& own);

    /// What is to be sent now.
    [[nodiscard]] std::vector<std::byte> take_output();
    /// How many further bytes are to be received; 0 when it is over.
    [[nodiscard]] std::size_t wanted() const noexcept;
    /// At most as many as wanted. Throws `authentication_failed`.
    void receive(std::span<const std::byte> bytes);
    /// Once all output is sent.
    [[nodiscard]] bool is_over() const noexcept { return state_ == state::over; }

private:
    /// What the two sides must agree in: sent as this machine has it in memory.
    struct dialect {
        std::uint64_t protocol = 0x3130'6874'7561'706d;
        std::uint32_t size_of_long = sizeof(long);
        std::uint32_t size_of_long_double = sizeof(long double);
        bool operator==(const dialect&) const = default;
    };
    enum class state { greeting_expected, proof_expected, over };

    void greet();
    void hear_greeting();
    void check_proof();
    [[nodiscard]] proof prove(role who) const;

    static constexpr std::size_t greeting_size = sizeof(dialect) + sizeof(nonce);

    const role side_;
    const std::string key_;
    const nonce own_;
    nonce other_{};
    state state_ = state::greeting_expected;
    std::vector<std::byte> output_;
    std::vector<std::byte> input_;
};

[[nodiscard]] handshake::nonce new_nonce();

} // namespace multiprocessing::detail
