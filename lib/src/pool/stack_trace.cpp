// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/stack_trace.hpp"

#include "os/crash_report.hpp"
#include "os/modules.hpp"
#include "os/symbols.hpp"

#include <map>
#include <sstream>
#include <string_view>

namespace multiprocessing::detail {
namespace {

/// Has every task's function called; what is further out is the library's business.
constexpr std::string_view outermost = "multiprocessing::detail::run_to_outcome";

/// The files of modules, each read once for a whole trace.
class symbol_files {
public:
    const os::symbol_file& of(const std::string& module) {
        const auto found = files_.find(module);
        if (found != files_.end()) {
            return found->second;
        }
        return files_.try_emplace(module, module == executable_ ? "/proc/self/exe" : module).first->second;
    }

private:
    const std::string executable_ = os::executable_path();
    std::map<std::string, os::symbol_file> files_;
};

struct described_frame {
    std::string function;
    std::string line;
};

described_frame describe(const os::crash_frame& frame, bool is_innermost, symbol_files& files) {
    std::ostringstream line;
    line << std::hex << std::showbase;
    if (frame.module.empty()) {
        line << frame.address;
        return {{}, line.str()};
    }
    const auto& file = files.of(frame.module);
    const auto address = file.address_of(frame.file_offset).value_or(frame.file_offset);
    // Further out it is where a call returns to, which may be the next function's first instruction.
    auto function = file.function_at(is_innermost ? address : address - 1);
    line << (function.empty() ? "?" : function) << " at " << frame.module.substr(frame.module.rfind('/') + 1)
         << "+" << address;
    return {std::move(function), line.str()};
}

} // namespace

std::string stack_trace_in(std::span<const std::byte> report, int signal) {
    const auto crash = os::read_crash_report(report);
    if (!crash || crash->signal != signal) {
        return {};
    }
    symbol_files files;
    std::string text;
    std::size_t same = 0; // frames as the last one
    const os::crash_frame* last = nullptr;
    const auto tell_same = [&] {
        if (same != 0) {
            text += "the same " + std::to_string(same) + (same == 1 ? " time more\n" : " times more\n");
        }
        same = 0;
    };
    for (const auto& frame : crash->frames) {
        if (last != nullptr && *last == frame) {
            ++same;
            continue;
        }
        tell_same();
        const auto [function, line] = describe(frame, last == nullptr, files);
        if (function == outermost) {
            break;
        }
        text += line + "\n";
        last = &frame;
    }
    tell_same();
    return text;
}

} // namespace multiprocessing::detail
