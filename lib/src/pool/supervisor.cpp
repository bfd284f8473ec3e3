// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The supervisor: one thread that collects results, notices deaths, starts and ends workers.
#include "os/process.hpp"
#include "pool/pool_core.hpp"
#include "start/log.hpp"

#include "child/outcome.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

namespace multiprocessing::detail {

namespace {

/// What an event is about: a worker, and what of it.
enum class source : os::event_set::tag { bell, socket, life, words };
constexpr os::event_set::tag sources = 4;
constexpr os::event_set::tag wake_up = 0; // no worker has the number 0

os::event_set::tag event(worker_id id, source what) {
    return id * sources + static_cast<os::event_set::tag>(what);
}

/// A worker that has scribbled over what it shares with the pool may forget to ring.
constexpr std::chrono::seconds longest_trust{1};
/// A worker that has sent so many results since the last look is going to send more, whoever has taken them:
/// waking up for each of them would cost more than they do.
constexpr std::size_t many_results = 4;
/// How long the supervisor rests meanwhile.
constexpr std::chrono::microseconds nap{50};
/// As long as others collect it rests for longer and longer, until it takes so little time that it is in
/// nobody's way. When they stop, what has come is found two naps later, once.
constexpr std::chrono::microseconds longest_nap{400};
/// Who looks again and again may not be running just now: it looks itself after so long.
constexpr std::chrono::milliseconds longest_rest{10};

} // namespace

void pool_core::supervise() {
    os::set_process_name("mp-supervisor");
    os::be_on_time();
    lock held(mutex_);
    while (!schedule_.finished() || !workers_.empty()) {
        if (callers_.empty() || chronicle_.has_much_to_write()) {
            write_trace(held);
        }
        if (callers_.empty()) {
            sleep(held);
        }
        start_due_workers(held);
        look_at_the_clock(held);
        collect();
        perform();
        deliver(held);
    }
    chronicle_.finish();
    write_trace(held);
    held.unlock();
    relay_.finish();
    end_->part_is_complete();
}

/// Takes what the workers have sent that have rung. A worker rings only when it was told that nobody looks;
/// so tell it, and look once more. Who then had sent something goes on being a caller. And who sends much, or
/// rings soon again and has more to do, or is looked after by others, is not told: there is another look
/// after a nap.
void pool_core::collect() {
    const auto now = std::chrono::steady_clock::now();
    for (const auto id : std::exchange(callers_, {})) {
        auto* caller = find(id);
        if (caller == nullptr || caller->last_look == now) { // it rang, and was looked after anyway
            continue;
        }
        collect_from(*caller);
        const bool sent_much = std::exchange(caller->taken_since_look, 0) >= many_results;
        const bool rang_soon = now - std::exchange(caller->last_look, now) < nap;
        if (sent_much || others_look() || (rang_soon && schedule_.under_way_to(id) > 1)) {
            busy_.push_back(id);
            continue;
        }
        caller->channel().expect_ring();
        if (collect_from(*caller) != 0) {
            callers_.push_back(id);
        }
    }
}

/// How many frames there were.
std::size_t pool_core::collect_from(worker& from) {
    constexpr std::size_t most_in_a_turn = 256;
    std::size_t taken = 0;
    try {
        while (taken != most_in_a_turn) { // others and the clock have their turns as well
            auto received = from.channel().receive();
            if (!received) {
                break;
            }
            handle(from, std::move(*received));
            ++taken;
        }
    } catch (const std::exception& e) { // nonsense, or no memory for what it sent
        give_up(from, e);
    }
    from.taken_since_look += taken;
    if (taken != 0) { // what a task has written is seen before its future is complete
        relay_.forward(from.words(), event(from.id(), source::words));
        if (relay_.is_held_up() && asleep_until_ != steady_time::min()) {
            wake_supervisor(); // it waits for stderr as well from now on
        }
    }
    return taken;
}

void pool_core::handle(worker& from, frame&& received) {
    switch (received.kind) {
    case frame_kind::ready:
        if (!from.expects_answer()) {
            break;
        }
        if (from.answered()) {
            chronicle_.worker_ready(label(from));
            schedule_.ready(from.id());
        }
        return;
    case frame_kind::initializer_failed:
        if (!from.expects_answer()) {
            break;
        }
        (void)from.answered();
        if (received.lost) {
            from.note("its " + settings_.words().initializer + " failed, and " + describe(received.lost));
            return;
        }
        if (is_value(received.content.bytes())) {
            break;
        }
        from.note("its " + settings_.words().initializer + " failed with " +
                  describe(exception_in(received.content.bytes())));
        return;
    case frame_kind::printed:
        if (take_printed(from, received)) {
            return;
        }
        break;
    case frame_kind::ran:
        if (take_times(from, received)) {
            return;
        }
        break;
    case frame_kind::result:
        if (take_result(from, std::move(received))) {
            return;
        }
        break;
    default:
        break;
    }
    throw nonsense_received("it sent a message that makes no sense");
}

/// False when it cannot be a result of that worker's.
bool pool_core::take_result(worker& from, frame&& result) {
    const auto* found = tasks_.find(result.id);
    const auto* own = found == nullptr ? nullptr : found->retry_if.get();
    const auto& retry_if = own != nullptr ? *own : options_.retry_if;
    const bool doubtful = retry_if && !result.lost && is_exception(result.content.bytes());
    switch (schedule_.result_arrived(from.id(), result.id, doubtful)) {
    case schedule::verdict::impossible:
        return terminated_; // then the task has been failed already
    case schedule::verdict::outcome:
        if (result.lost) {
            complete_with_error(result.id, std::move(result.lost));
        } else {
            complete(result.id, std::move(result.content));
        }
        break;
    case schedule::verdict::doubtful:
        doubts_.push_back({result.id, std::move(result.content), retry_if});
        break;
    case schedule::verdict::too_late:
        break;
    }
    if (options_.max_rss != 0 && os::resident_memory(from.pid()) > options_.max_rss) {
        schedule_.retire(from.id());
    }
    return true;
}

/// False when it cannot be of a task of that worker's.
bool pool_core::take_printed(worker& from, const frame& printed) {
    auto* found = tasks_.find(printed.id);
    if (found == nullptr || !found->is_captured || schedule_.holder_of(printed.id) != from.id()) {
        return terminated_;
    }
    const auto bytes = printed.content.bytes(); // none, if they were lost
    found->completion->printed(
        {reinterpret_cast<const char*>(bytes.data()), std::min(bytes.size(), most_captured)});
    return true;
}

/// False when it cannot be of a task of that worker's, or nobody has asked.
bool pool_core::take_times(worker& from, const frame& times) {
    const auto* found = tasks_.find(times.id);
    if (found == nullptr || options_.trace.empty() || schedule_.holder_of(times.id) != from.id()) {
        return terminated_;
    }
    running_times content{};
    const auto bytes = times.content.bytes();
    if (bytes.size() != sizeof content) {
        return times.lost != nullptr;
    }
    std::memcpy(&content, bytes.data(), sizeof content);
    chronicle_.ran(label(from), label(*found), content);
    return true;
}

void pool_core::start_due_workers(lock& held) {
    const auto now = std::chrono::steady_clock::now();
    while (true) {
        const auto due = std::ranges::find_if(starts_, [&](const auto& start) { return start.due <= now; });
        if (due == starts_.end()) {
            return;
        }
        const auto id = due->worker;
        starts_.erase(due);
        const auto cpu = free_cpu();
        held.unlock(); // starting a process takes milliseconds
        std::unique_ptr<worker> started;
        std::string failure;
        try {
            started = std::make_unique<worker>(id, options_, settings_, heap_, cpu);
        } catch (const std::exception& e) {
            failure = e.what();
            note(log_level::warning, [&] { return failure; });
        }
        held.lock();
        if (started) {
            insert(std::move(started));
        } else {
            dead_ = {.epitaph = failure};
            schedule_.died(id, 0);
        }
        perform();
    }
}

void pool_core::insert(std::unique_ptr<worker> started) {
    auto& inserted = *workers_.emplace(started->id(), std::move(started)).first->second;
    try {
        watch(inserted);
    } catch (const resource_error& e) {
        dead_ = {.epitaph = e.what()};
        schedule_.died(inserted.id(), 0);
        stop_watching(inserted);
        workers_.erase(inserted.id());
        return;
    }
    if (!schedule_.wants(inserted.id())) {
        kill(inserted); // the pool was closed meanwhile
    } else if (initializer_) {
        prepare(inserted);
    }
}

void pool_core::watch(worker& started) {
    const auto id = started.id();
    auto& channel = started.channel();
    if (channel.bell() >= 0) {
        events_.add_bell(channel.bell(), event(id, source::bell));
    }
    events_.add(channel.descriptor(), event(id, source::socket));
    events_.add(started.process().handle(), event(id, source::life));
    relay_.watch(started.words(), event(id, source::words));
    callers_.push_back(id); // until it has been told that nobody looks
    chronicle_.worker_started(label(started));
}

/// Before its descriptors are closed: a copy of this process may keep what they stand for.
void pool_core::stop_watching(worker& ended) noexcept {
    if (ended.channel().bell() >= 0) {
        events_.remove(ended.channel().bell());
    }
    events_.remove(ended.channel().descriptor());
    events_.remove(ended.process().handle());
    relay_.stop_watching(ended.words());
}

/// Without the lock: nobody else waits for a slow disk. And on this thread, which gets no signals: one that
/// a limit of files sends would end the program.
void pool_core::write_trace(lock& held) {
    const auto told = chronicle_.take_unwritten();
    if (told.empty()) {
        return;
    }
    held.unlock();
    const auto failure = chronicle_.write(told);
    held.lock();
    chronicle_.written(failure);
}

void pool_core::sleep(lock& held) {
    if (!finished_.empty() || !doubts_.empty() || (schedule_.finished() && workers_.empty())) {
        return;
    }
    const auto before = std::chrono::steady_clock::now();
    if (std::exchange(tasks_came_, false) || schedule_.running() != 0) {
        at_rest_ = before + longest_trust;
    }
    asleep_until_ = std::min(due_, at_rest_);
    others_looked_.store(false);
    const auto deadline = asleep_until_;
    const bool naps = !busy_.empty();
    const bool is_held_up = relay_.is_held_up();
    held.unlock();
    const auto events =
        naps ? take_naps(is_held_up, deadline) : stderr_relay::wait(events_, is_held_up, deadline);
    held.lock();
    asleep_until_ = steady_time::min();
    if (is_held_up) {
        relay_.forward_what_was_held_up();
    }

    callers_ = std::exchange(busy_, {});
    const auto now = std::chrono::steady_clock::now();
    if (now - last_look_ >= longest_trust) {
        last_look_ = now;
        callers_.clear();
        for (const auto& [id, worker] : workers_) {
            callers_.push_back(id);
        }
    }
    if (now >= at_rest_ && !tasks_came_ && schedule_.running() == 0) {
        heap_.trim();
        at_rest_ = steady_time::max();
    }
    for (const auto event : events) {
        answer(held, event);
    }
}

/// Rests for a while, and for longer as long as others look around meanwhile, whom it then is not in the way
/// of.
std::span<const os::event_set::tag> pool_core::take_naps(bool is_held_up, steady_time deadline) {
    const auto latest = std::min(deadline, std::chrono::steady_clock::now() + longest_rest);
    for (auto length = nap;; length = std::min(2 * length, longest_nap)) {
        const auto end = std::min(latest, std::chrono::steady_clock::now() + length);
        const auto events = stderr_relay::wait(events_, is_held_up, end);
        if (!events.empty() || is_held_up || end == latest || !others_look()) {
            return events;
        }
        others_looked_.store(false);
    }
}

/// Whether other threads take what the workers send, and most likely will go on.
bool pool_core::others_look() const noexcept {
    return others_looked_.load() || others_looking_.load() != 0;
}

void pool_core::answer(lock& held, os::event_set::tag event) {
    if (event == wake_up) {
        os::clear_flag(wake_.get());
        return;
    }
    auto* caller = find(event / sources);
    if (caller == nullptr) { // buried meanwhile
        return;
    }
    switch (static_cast<source>(event % sources)) {
    case source::socket:
        look_at_socket(*caller);
        [[fallthrough]];
    case source::bell:
        callers_.push_back(caller->id());
        break;
    case source::life:
        has_ended(held, *caller);
        break;
    case source::words:
        relay_.forward(caller->words(), event);
        break;
    }
}

void pool_core::look_at_socket(worker& caller) {
    try {
        if (!caller.channel().look_at_socket()) {
            events_.remove(caller.channel().descriptor());
            caller.hung_up(std::chrono::steady_clock::now());
            due_at(caller.next_due());
        }
    } catch (const std::exception& e) { // nonsense, or no memory for it
        caller.note(e.what());
        kill(caller);
    }
}

void pool_core::has_ended(lock& held, worker& ended) {
    if (ended.process().exit_code()) {
        bury(held, ended.id());
        return;
    }
    // Who traces it holds it: the others go on.
    collect_from(ended);
    ended.is_held(schedule_.is_idle(ended.id(), ended.channel().begun()));
    events_.remove(ended.process().handle()); // until it is to be looked at again
    due_at(ended.next_due());
    schedule_.ending(ended.id());
}

/// Takes over what a dead worker has sent, and has its work done by others.
void pool_core::bury(lock& held, worker_id id) {
    const auto buried = std::move(workers_.extract(id).mapped()); // from here on nothing is sent to it
    auto& dead = *buried;
    stop_watching(dead);
    dead.words().drain(); // before the futures of what it has sent are complete
    try {
        dead.channel().receive_rest([&](frame received) { handle(dead, std::move(received)); });
    } catch (const nonsense_received&) { // to the end
    } catch (const std::exception& e) {  // no memory for what it sent
        dead.note(e.what());
    }
    held.unlock(); // others need not wait for a diagnosis
    auto how = dead.death();
    auto printed = dead.printed();
    relay_.take_over(std::move(dead.words()));
    note(log_level::info, [&] { return how.epitaph; });
    held.lock();
    const auto begun = dead.channel().begun();
    auto* running = schedule_.holder_of(begun) == id ? tasks_.find(begun) : nullptr;
    chronicle_.worker_ended(label(dead), how,
                            running != nullptr ? std::optional(label(*running)) : std::nullopt,
                            number_of(begun));
    if (running != nullptr && running->is_captured) {
        how.output_is_the_tasks = true;
        how.details.last_output = printed.substr(printed.size() - std::min(printed.size(), last_words::kept));
        running->completion->printed(std::move(printed));
    }
    dead_ = std::move(how);
    schedule_.died(id, begun);
    perform();
}

/// Does what is due by now.
void pool_core::look_at_the_clock(lock& held) {
    const auto now = std::chrono::steady_clock::now();
    if (now < due_) {
        return;
    }
    std::vector<worker_id> abandoned;
    for (const auto& [id, worker] : workers_) {
        if (worker->overdue.time <= now) {
            schedule_.overdue(worker->id(), std::exchange(worker->overdue, {}).task);
        }
        if (worker->end_time <= now) {
            ask_to_end(*worker, now);
        }
        if (worker->kill_time() <= now) {
            kill(*worker);
        }
        if (worker->look_again <= now) {
            worker->look_again = steady_time::max();
            try {
                events_.add(worker->process().handle(), event(id, source::life));
            } catch (const resource_error&) {
                worker->look_again = now + look_again_after;
            }
        }
        if (worker->abandon_time() <= now) {
            abandoned.push_back(id);
        }
    }
    for (const auto id : abandoned) {
        workers_.at(id)->abandon();
        bury(held, id);
    }
    resting_.wake(now, [this](task_id task) { schedule_.rested(task); });
    due_ = next_due();
    perform();
}

steady_time pool_core::next_due() const {
    auto earliest = resting_.next_due();
    for (const auto& start : starts_) {
        earliest = std::min(earliest, start.due);
    }
    for (const auto& [id, worker] : workers_) {
        earliest = std::min(earliest, worker->next_due());
    }
    return earliest;
}

} // namespace multiprocessing::detail
