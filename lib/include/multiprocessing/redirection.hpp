// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#pragma GCC visibility push(default)

/// Where a child's standard streams lead.
namespace multiprocessing {

/// What becomes a standard stream of a child. A value. Files are opened when the child is started, by this
/// process and in its working directory, and are not kept open here.
class redirection {
public:
    /// The kinds there are; each has a function of its own below.
    enum class type : std::uint8_t { inherited, null, truncated_file, appended_file, pipe, like_output };

    /// The stream of this process, as without redirection.
    redirection() = default;
    /// Nothing to read, and what is written is thrown away.
    static redirection null() { return {type::null, {}}; }
    /// Standard input is read from this file; output replaces what it contains. It is made if need be.
    static redirection file(std::filesystem::path path) { return {type::truncated_file, std::move(path)}; }
    /// Output goes to the end of this file. It is made if need be. Not for standard input.
    static redirection append(std::filesystem::path path) { return {type::appended_file, std::move(path)}; }
    /// A pipe whose other end this process has: see `process::in`, `out`, `err`.
    static redirection pipe() { return {type::pipe, {}}; }
    /// Standard error leads where standard output does. Not for the others.
    static redirection like_output() { return {type::like_output, {}}; }

    /// Of which kind it is.
    [[nodiscard]] type what() const noexcept { return what_; }
    /// Of a file.
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

private:
    redirection(type what, std::filesystem::path path) : what_(what), path_(std::move(path)) {}

    type what_ = type::inherited;
    std::filesystem::path path_;
};

namespace detail {
class child_streams;

/// This process's end of a pipe to a child, and the child's pidfd.
class pipe_end {
public:
    pipe_end() = default;
    ~pipe_end() { close(); }
    pipe_end(const pipe_end&) = delete;
    pipe_end& operator=(const pipe_end&) = delete;

    /// The descriptor, which does not wait (O_NONBLOCK); -1 when closed. Owned by the process object.
    [[nodiscard]] int native_handle() const noexcept { return fd_; }
    void close() noexcept;

protected:
    friend child_streams;
    int fd_ = -1;
    int child_ = -1;
};
} // namespace detail

/// The end at which this process writes to a child's standard input. Used by one thread at a time.
class child_input : public detail::pipe_end {
public:
    /// Writes all of it; waits while the pipe is full. False when nobody will read it: the child has ended,
    /// or has closed its standard input. Throws nothing, raises no signal.
    bool write(std::string_view text);

private:
    friend detail::child_streams;
    /// What it takes now, at most a few KiB: how much that was. Closes it when nobody reads any more.
    std::size_t write_some(std::string_view text);
};

/// The end at which this process reads what a child writes to its standard output, or error. It ends when
/// every writer has closed it, and at the latest when the child has ended, however, and what it had written
/// has been read: what the child's own children print after that is not waited for. Used by one thread at a
/// time.
class child_output : public detail::pipe_end {
public:
    /// Waits for something, and reads at most so much of it: how much that was, 0 at the end.
    std::size_t read_some(std::span<char> room);
    /// Reads until the end; waits for it.
    [[nodiscard]] std::string read_all();

private:
    friend detail::child_streams;
    /// What is there now. Closes it at the end.
    std::size_t read_what_is_there(std::span<char> room);

    bool child_has_ended_ = false;
    std::size_t left_ = 0; // then: it cannot have left more in the pipe
};

/// What a child has written.
struct process_output {
    std::string out{}; ///< to standard output
    std::string err{}; ///< to standard error
};

} // namespace multiprocessing

#pragma GCC visibility pop
