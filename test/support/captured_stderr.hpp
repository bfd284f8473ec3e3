// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <cstdio>
#include <string>
#include <unistd.h>

/// While it exists, what this process and its children write to fd 2 goes to a file.
class captured_stderr {
public:
    captured_stderr() : file_(std::tmpfile()), original_(::dup(STDERR_FILENO)) {
        std::fflush(stderr);
        ::dup2(::fileno(file_), STDERR_FILENO);
    }
    ~captured_stderr() {
        restore();
        std::fclose(file_);
    }
    captured_stderr(const captured_stderr&) = delete;
    captured_stderr& operator=(const captured_stderr&) = delete;

    /// What was written. Ends the capture, so that a failing check can be seen.
    [[nodiscard]] std::string text() {
        restore();
        std::string result;
        std::rewind(file_);
        for (int c = std::getc(file_); c != EOF; c = std::getc(file_)) {
            result.push_back(static_cast<char>(c));
        }
        return result;
    }

private:
    void restore() {
        if (original_ != -1) {
            std::fflush(stderr);
            ::dup2(original_, STDERR_FILENO);
            ::close(original_);
            original_ = -1;
        }
    }

    std::FILE* file_;
    int original_;
};
