// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "start/child_streams.hpp"

#include "os/pipe.hpp"
#include "os/poll.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <utility>

namespace multiprocessing {
namespace {

constexpr std::array stream_names{"in", "out", "err"};

/// How much is read at once.
constexpr std::size_t read_size = std::size_t{64} << 10;

void check(bool sound, int stream, const char* otherwise) {
    if (!sound) {
        throw std::invalid_argument(std::string("multiprocessing::process_options::") +
                                    stream_names.at(static_cast<std::size_t>(stream)) + ": " + otherwise);
    }
}

os::descriptor open_file(const std::filesystem::path& path, int flags) {
    constexpr mode_t as_umask_says = 0666;
    auto opened = os::new_descriptor(::open(path.c_str(), flags | O_CLOEXEC, as_umask_says));
    if (!opened) {
        os::throw_errno("cannot open " + path.string());
    }
    return opened;
}

} // namespace

namespace detail {

void pipe_end::close() noexcept {
    const os::descriptor closed(std::exchange(fd_, -1));
}

child_streams::child_streams(const process_options& options) {
    open(STDIN_FILENO, options.in, options.name);
    open(STDOUT_FILENO, options.out, options.name);
    open(STDERR_FILENO, options.err, options.name);
}

void child_streams::open(int stream, const redirection& where, const std::string& name) {
    const bool is_input = stream == STDIN_FILENO;
    const auto index = static_cast<std::size_t>(stream);
    auto& opened = opened_.at(index);
    try {
        switch (where.what()) {
        case redirection::type::inherited:
            return;
        case redirection::type::null:
            opened = open_file("/dev/null", is_input ? O_RDONLY : O_WRONLY);
            break;
        case redirection::type::truncated_file:
            opened = open_file(where.path(), is_input ? O_RDONLY : O_WRONLY | O_CREAT | O_TRUNC);
            break;
        case redirection::type::appended_file:
            check(!is_input, stream, "standard input is not appended to");
            opened = open_file(where.path(), O_WRONLY | O_CREAT | O_APPEND);
            break;
        case redirection::type::pipe: {
            auto [reader, writer] = os::make_pipe(is_input ? os::waits::reader : os::waits::writer);
            opened = is_input ? std::move(reader) : std::move(writer);
            auto& ours = is_input ? static_cast<pipe_end&>(in_) : outputs_.at(index - 1);
            ours.fd_ = (is_input ? writer : reader).release();
            is_pipe_.at(index) = true;
            break;
        }
        case redirection::type::like_output:
            check(stream == STDERR_FILENO, stream, "only standard error can be like standard output");
            of_child_[STDERR_FILENO] = std::max(of_child_[STDOUT_FILENO], STDOUT_FILENO);
            return;
        }
    } catch (const resource_error& e) {
        throw start_failed(e.code(), "cannot start process " + name + ": its standard stream '" +
                                         stream_names.at(index) + "': " + e.what());
    }
    of_child_.at(index) = opened.get();
}

std::vector<int> child_streams::of_parent() const {
    std::vector<int> ends{in_.fd_, outputs_[0].fd_, outputs_[1].fd_};
    std::erase(ends, -1);
    return ends;
}

void child_streams::started(int child) {
    opened_ = {};
    in_.child_ = outputs_[0].child_ = outputs_[1].child_ = child;
}

namespace {

template <class End>
End& only_pipe(bool is_pipe, End& end, const char* stream) {
    if (!is_pipe) {
        throw std::logic_error(std::string("multiprocessing::process::") + stream +
                               ": that is no pipe; start it with ." + stream +
                               " = multiprocessing::redirection::pipe()");
    }
    return end;
}

} // namespace

child_input& child_streams::in() {
    return only_pipe(is_pipe_[STDIN_FILENO], in_, "in");
}
child_output& child_streams::out() {
    return only_pipe(is_pipe_[STDOUT_FILENO], outputs_[0], "out");
}
child_output& child_streams::err() {
    return only_pipe(is_pipe_[STDERR_FILENO], outputs_[1], "err");
}

process_output child_streams::communicate(std::string_view input) {
    if (!input.empty()) {
        (void)in();
    }
    process_output result;
    const std::array texts{&result.out, &result.err};
    std::vector<char> buffer(read_size);
    for (;;) {
        if (input.empty()) {
            in_.close();
        }
        os::poll_set any;
        if (in_.fd_ >= 0) {
            any.add_writer(in_.fd_);
        }
        for (const auto& output : outputs_) {
            if (output.fd_ >= 0) {
                any.add(output.fd_);
            }
        }
        if (in_.fd_ < 0 && outputs_[0].fd_ < 0 && outputs_[1].fd_ < 0) {
            return result;
        }
        any.add(in_.child_);
        (void)any.wait(steady_time::max());
        if (in_.fd_ >= 0) {
            input.remove_prefix(in_.write_some(input));
        }
        for (std::size_t i = 0; i != outputs_.size(); ++i) {
            texts[i]->append(buffer.data(), outputs_[i].read_what_is_there(buffer));
        }
    }
}

} // namespace detail

bool child_input::write(std::string_view text) {
    while (fd_ >= 0 && !text.empty()) {
        os::poll_set either;
        either.add_writer(fd_);
        either.add(child_);
        (void)either.wait(os::steady_time::max());
        text.remove_prefix(write_some(text));
    }
    return fd_ >= 0;
}

std::size_t child_input::write_some(std::string_view text) {
    const bool child_has_ended = os::wait_readable(child_, os::steady_time::min());
    if (child_has_ended || !os::has_reader(fd_)) {
        close();
        return 0;
    }
    return os::is_writable(fd_) ? os::write_some(fd_, text) : 0;
}

std::size_t child_output::read_some(std::span<char> room) {
    while (fd_ >= 0) {
        os::poll_set either;
        either.add(fd_);
        either.add(child_);
        (void)either.wait(os::steady_time::max());
        if (const auto got = read_what_is_there(room); got != 0) {
            return got;
        }
    }
    return 0;
}

std::string child_output::read_all() {
    std::string text;
    std::vector<char> buffer(read_size);
    for (auto got = read_some(buffer); got != 0; got = read_some(buffer)) {
        text.append(buffer.data(), got);
    }
    return text;
}

std::size_t child_output::read_what_is_there(std::span<char> room) {
    if (fd_ < 0 || room.empty()) {
        return 0;
    }
    if (!child_has_ended_ && os::wait_readable(child_, os::steady_time::min())) {
        child_has_ended_ = true;
        left_ = os::pipe_capacity(fd_);
    }
    const auto most = child_has_ended_ ? std::min(room.size(), left_) : room.size();
    const auto got = os::read_some(fd_, room.first(most)); // of nothing: 0, the end
    if (got == std::size_t{0} || (child_has_ended_ && !got)) {
        close();
        return 0;
    }
    left_ -= child_has_ended_ ? *got : 0;
    return got.value_or(0);
}

} // namespace multiprocessing
