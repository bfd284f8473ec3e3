// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#pragma GCC visibility push(default)

/// Descriptors that travel with values. What they are the bytes cannot say, only which of them is meant.
namespace multiprocessing {

class encoder;
class decoder;

namespace detail {

/// How descriptors get to whoever receives the bytes that are being encoded.
class descriptor_carrier {
public:
    descriptor_carrier() = default;
    virtual ~descriptor_carrier() = default;
    descriptor_carrier(const descriptor_carrier&) = delete;
    descriptor_carrier& operator=(const descriptor_carrier&) = delete;

    /// Takes a duplicate of `fd`, and appends how the receiver finds it. Throws `resource_error`.
    virtual void put(encoder& out, int fd) = 0;
};

/// The descriptors that came with the bytes that are being decoded.
class carried_descriptors {
public:
    carried_descriptors() = default;
    virtual ~carried_descriptors() = default;
    carried_descriptors(const carried_descriptors&) = delete;
    carried_descriptors& operator=(const carried_descriptors&) = delete;

    /// The caller owns it. Throws `decode_failed` when there is none of that index, or it has been taken.
    virtual int take(std::size_t index) = 0;
};

/// Appends a descriptor by the encoder's carrier. Without one a duplicate waits in this process until it is
/// fetched: for at most `longest_on_the_way`, and no longer than this process lives. Throws `resource_error`.
void put_descriptor(encoder& out, int fd);
/// The descriptor that was put; the caller owns it. Throws `decode_failed`, and `resource_error` when the
/// process that sent it has ended, or has it no more.
int get_descriptor(decoder& in);

/// For arguments of a task: duplicates wait in this process as long as the task's other arguments are kept,
/// and can be fetched by each worker that begins it.
descriptor_carrier& carrier_of_arguments();

/// For arguments of a process: it inherits duplicates. They are kept until it has been started.
class inheritance final : public descriptor_carrier {
public:
    inheritance() = default;
    void put(encoder& out, int fd) override;

    [[nodiscard]] const std::vector<int>& descriptors() const noexcept { return descriptors_; }
    /// Closes them: the child has them now.
    void give_up() noexcept;
    /// Whether there were some.
    [[nodiscard]] bool is_given_up() const noexcept { return is_given_up_; }

private:
    std::vector<int> descriptors_;
    std::vector<std::shared_ptr<const void>> owners_; // of the descriptors
    bool is_given_up_ = false;
};

} // namespace detail

} // namespace multiprocessing

#pragma GCC visibility pop
