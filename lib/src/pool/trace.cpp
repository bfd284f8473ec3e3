// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "pool/trace.hpp"

#include "start/log.hpp"

#include <multiprocessing/context.hpp>
#include <multiprocessing/error.hpp>

#include <algorithm>
#include <array>
#include <boost/locale/utf.hpp>
#include <cstdio>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// A string of JSON. What is no UTF-8, which a message from anywhere may contain, becomes question marks.
std::string json_string(std::string_view text) {
    using utf8 = boost::locale::utf::utf_traits<char>;
    std::string result = "\"";
    for (const auto* at = text.begin(); at != text.end();) {
        const auto* const before = at;
        const auto code = utf8::decode(at, text.end());
        if (code == boost::locale::utf::illegal || code == boost::locale::utf::incomplete) {
            result += '?';
            at = before + 1;
        } else if (code < ' ') {
            result += code == '\n' ? "\\n" : " ";
        } else {
            result += code == '"' || code == '\\' ? "\\" : "";
            result.append(before, at);
        }
    }
    return result += '"';
}

/// Chrome counts microseconds.
std::string in_microseconds(std::chrono::nanoseconds duration) {
    std::array<char, 32> text{};
    const auto count = static_cast<long long>(std::max<std::int64_t>(duration.count(), 0));
    const auto size = std::snprintf(text.data(), text.size(), "%lld.%03lld", count / 1000, count % 1000);
    return {text.data(), static_cast<std::size_t>(size)};
}

std::string arguments_of(std::uint64_t task, std::string_view function) {
    return R"(,"args":{"task":)" + std::to_string(task) + R"(,"function":)" + json_string(function);
}

} // namespace

trace::trace(const std::filesystem::path& file)
    : file_(file), pid_(current_process().pid()), unwritten_("[") {
    event('M', "process_name", task_queue, {},
          R"(,"args":{"name":)" + json_string("pool of " + current_process().name()) + "}");
    name_track(task_queue, "task queue");
    if (const auto failure = write(take_unwritten())) {
        throw resource_error(failure, "cannot write the trace " + file.string());
    }
}

void trace::event(char phase, std::string_view name, track where, steady_time when, const std::string& rest) {
    add(std::string(R"({"ph":")") + phase + R"(","name":)" + json_string(name) + R"(,"pid":)" +
        std::to_string(pid_) + R"(,"tid":)" + std::to_string(where) + R"(,"ts":)" +
        in_microseconds(when.time_since_epoch()) + rest + "}");
}

void trace::name_track(track where, const std::string& name) {
    event('M', "thread_name", where, {}, R"(,"args":{"name":)" + json_string(name) + "}");
    event('M', "thread_sort_index", where, {}, R"(,"args":{"sort_index":)" + std::to_string(where) + "}");
}

void trace::add(const std::string& line) {
    if (is_over_) {
        return;
    }
    if (unwritten_ != "[") { // the first event has none before it
        unwritten_ += ',';
    }
    unwritten_ += '\n';
    unwritten_ += line;
}

void trace::queued(std::uint64_t task, std::string_view function) {
    const auto now = std::chrono::steady_clock::now();
    tasks_.insert_or_assign(task, known_task{.queued = now, .sent = now});
    event('i', "queued", task_queue, now, R"(,"s":"t")" + arguments_of(task, function) + "}");
}

void trace::sent(std::uint64_t task, worker_id worker) {
    if (const auto found = tasks_.find(task); found != tasks_.end()) {
        found->second.sent = std::chrono::steady_clock::now();
        found->second.worker = worker;
    }
}

void trace::terminated(std::uint64_t task, std::string_view function) {
    const auto found = tasks_.find(task);
    if (found != tasks_.end() && found->second.worker != 0) {
        found->second.terminated = function;
    } else {
        done(task);
    }
}

std::optional<trace::running_task> trace::terminated_at(worker_id worker, std::uint64_t task) const {
    const auto found = tasks_.find(task);
    return found != tasks_.end() && found->second.worker == worker && !found->second.terminated.empty()
               ? std::optional(running_task{task, found->second.terminated})
               : std::nullopt;
}

void trace::ran(worker_id worker, std::uint64_t task, std::string_view function, steady_time begin,
                steady_time end) {
    const auto own = workers_.find(worker);
    const auto known = tasks_.find(task);
    if (own == workers_.end() || known == tasks_.end() || begin < own->second.free_since || end < begin ||
        end > std::chrono::steady_clock::now()) {
        return; // what a worker says may be rubbish
    }
    own->second.free_since = end;
    event('X', function, worker, begin,
          R"(,"dur":)" + in_microseconds(end - begin) + arguments_of(task, function) + R"(,"us in queue":)" +
              in_microseconds(begin - known->second.queued) + "}");
}

void trace::happened(std::string_view what, std::uint64_t task, std::string_view function,
                     const std::string& details) {
    event('i', what, task_queue, std::chrono::steady_clock::now(),
          R"(,"s":"t")" + arguments_of(task, function) + R"(,"details":)" + json_string(details) + "}");
}

void trace::worker_started(worker_id worker, long pid, const std::string& name) {
    const auto now = std::chrono::steady_clock::now();
    workers_.insert_or_assign(worker, own_track{.pid = pid, .free_since = now});
    name_track(worker, name);
    event('B', "worker " + std::to_string(pid), worker, now, "");
}

void trace::worker_ended(worker_id worker, std::string_view what, const std::string& how,
                         const std::optional<running_task>& running) {
    const auto own = workers_.extract(worker);
    if (own.empty()) {
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (running) { // the worker cannot say any more when it began
        const auto known = tasks_.find(running->number);
        const auto sent = known == tasks_.end() ? now : known->second.sent;
        const auto begin = std::max(sent, own.mapped().free_since);
        event('X', running->function, worker, begin,
              R"(,"dur":)" + in_microseconds(now - begin) + arguments_of(running->number, running->function) +
                  R"(,"ended by":"the worker's death"})");
    }
    event('i', what, worker, now, R"(,"s":"t","args":{"how":)" + json_string(how) + "}");
    event('E', "worker " + std::to_string(own.mapped().pid), worker, now, "");
}

void trace::counts(std::size_t queued, std::size_t running) {
    if (queued != queued_ || running != running_) {
        queued_ = queued;
        running_ = running;
        event('C', "tasks", task_queue, std::chrono::steady_clock::now(),
              R"(,"args":{"queued":)" + std::to_string(queued) + R"(,"running":)" + std::to_string(running) +
                  "}");
    }
}

void trace::finish() {
    if (!is_over_) {
        unwritten_ += "\n]\n";
        is_over_ = true;
    }
}

void trace::end_here(std::string_view why) noexcept {
    if (!std::exchange(is_over_, true)) {
        note(log_level::warning, [&] { return "the trace of a pool ends here, " + std::string(why); });
    }
    unwritten_.clear();
    tasks_.clear();
    workers_.clear();
}

} // namespace multiprocessing::detail
