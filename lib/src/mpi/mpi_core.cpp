// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "mpi/mpi_core.hpp"

#include "child/outcome.hpp"
#include "ipc/shared_array.hpp"
#include "os/host.hpp"
#include "os/process.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// Places at a node for each of its workers: what it runs and what it begins next. More would keep long tasks
/// waiting there while others have nothing to do.
constexpr std::size_t least_per_worker = 2;
/// And where tasks are short. Of tasks that take no time so many keep a worker busy for as long as a message
/// takes there and back.
constexpr std::size_t most_per_worker = 64;
/// Where there are many workers each gets fewer places: the schedule looks at all of them for each task,
/// which takes as long with so many as the rest of what a task costs.
constexpr std::size_t most_places = 2048;
/// So much work is kept ready at a node: several times a message's way there and back.
constexpr std::chrono::duration<double> work_ahead = std::chrono::milliseconds(2);
/// How many nodes an idempotent task may be lost with: one that is the cause is not to take all of them down.
constexpr std::size_t most_nodes_lost = 3;

void check(bool sound, const char* otherwise) {
    if (!sound) {
        throw std::invalid_argument(std::string("multiprocessing::mpi_pool: ") + otherwise);
    }
}

/// With all that would differ on other nodes.
mpi_options checked(mpi_options options) {
    auto& workers = options.workers;
    check(workers.task_queue_capacity != 0, "the task queue needs room for at least one task");
    check(workers.retry_back_off.count() >= 0, "a retry_back_off cannot be negative");
    check(workers.task_timeout.count() >= 0, "a task_timeout cannot be negative");
    check(workers.stop_grace.value_or(std::chrono::nanoseconds()).count() >= 0,
          "a stop_grace cannot be negative");
    workers.start_method = workers.start_method.value_or(get_start_method());
    check(workers.start_method != start_method::fork,
          "workers cannot be forked: they would be copies of a process that MPI knows");
    return options;
}

/// The part of a content behind its first bytes.
payload rest_of(const payload& whole, std::size_t first) {
    const auto rest = whole.bytes().subspan(first);
    return rest.size() <= payload::most_inside ? payload(rest)
                                               : payload(std::make_shared<const payload>(whole), rest);
}

bool is_this_process(const node_hello& hello) {
    return hello.pid == current_process().pid() && hello.host == os::host_name();
}

/// What is a reason to try a task again without asking.
bool came_to_nothing(const std::exception_ptr& outcome) {
    try {
        std::rethrow_exception(outcome);
    } catch (const worker_died&) {
        return true;
    } catch (const task_timed_out&) {
        return true;
    } catch (...) {
        return false;
    }
}

} // namespace

mpi_core::mpi_core(cluster& all, const mpi_options& options)
    : maker_(), cluster_(all), options_(checked(options)), number_(all.new_pool_number()), collector_([this] {
          collect();
      }) {}

mpi_core::~mpi_core() = default;

void mpi_core::start() {
    cluster_.add(number_, std::static_pointer_cast<mpi_core>(shared_from_this()));
    lock held(mutex_);
    if (nodes_.empty() && skips_root_) {
        give_up();
    }
    opened_.wait(held, [&] { // a node that was lost may just be on its way to be replaced
        return nobody_comes_ || (!nodes_.empty() && std::ranges::all_of(nodes_, [](const auto& each) {
                   return each.second.is_open;
               }));
    });
    std::size_t workers = 0;
    std::size_t most = 0;
    for (const auto& [id, each] : nodes_) {
        workers += each.processes;
        most = std::max(most, each.processes);
    }
    workers += (cluster_.size() - std::min(cluster_.size(), nodes_.size())) * most; // those that may come
    workers = std::max<std::size_t>(1, workers);
    places_per_worker_ = std::clamp(most_places / workers, least_per_worker, most_per_worker);
    schedule_.emplace(schedule_options{.workers = workers * places_per_worker_,
                                       .capacity = options_.workers.task_queue_capacity,
                                       .most_under_way = 1,
                                       .retry_back_off = options_.workers.retry_back_off});
    if (refusal_) {
        std::rethrow_exception(refusal_);
    }
    perform();
}

void mpi_core::node_came(node_id id, const node_hello& hello) {
    const lock held(mutex_);
    skips_root_ |= !options_.root_works && cluster_.size() > 1 && is_this_process(hello);
    if (nodes_are_ending_ || (skips_root_ && is_this_process(hello))) {
        return;
    }
    auto& came = nodes_[id];
    came.hello = hello;
    came.processes = options_.processes != 0 ? options_.processes : static_cast<std::size_t>(hello.cpus);
    came.wanted = least_per_worker * came.processes;
    auto options = options_.workers;
    options.processes = came.processes;
    if (!options.trace.empty()) { // where nodes share a folder they do not share the file
        options.trace += "." + std::to_string(id);
    }
    cluster_.post(id, {.kind = message_kind::open, .pool = number_, .content = content_of_open(options)});
    if (initializer_) {
        send_arrays(id, *initializer_);
        cluster_.post(id,
                      {.kind = message_kind::initialize, .pool = number_, .content = initializer_->content});
    }
}

/// What a node has to say of its workers.
void mpi_core::opened(node_id id, const payload& outcome) {
    if (std::exchange(nodes_.at(id).is_open, true)) {
        throw decode_failed("a node has opened a pool twice");
    }
    if (!is_value(outcome.bytes())) {
        refuse(id, describe(exception_in(outcome.bytes())));
    }
    opened_.notify_all();
}

/// It has no workers for this pool. At the start that is an error; of those that come later it is one less.
void mpi_core::refuse(node_id id, const std::string& why) {
    auto& refusing = nodes_.at(id);
    refusal_ = std::make_exception_ptr(
        start_failed(std::make_error_code(std::errc::resource_unavailable_try_again),
                     "cannot start an mpi_pool: on " + refusing.hello.host + ": " + why));
    if (!schedule_) {
        refusing.has_ended = true;
        refusing.wanted = 0;
        return;
    }
    nodes_.erase(id);
    if (nodes_.empty()) {
        give_up();
    }
}

/// No node will come any more.
void mpi_core::give_up() {
    nobody_comes_ = true;
    opened_.notify_all();
    for (const auto place : std::exchange(vacant_, {})) {
        schedule_->died(place, 0);
    }
}

std::vector<mpi_node> mpi_core::nodes() const {
    const lock held(mutex_);
    std::vector<mpi_node> result;
    for (const auto& [id, each] : nodes_) {
        result.push_back({each.hello.host, static_cast<long>(each.hello.pid), each.processes});
    }
    return result;
}

bool mpi_core::submit(call&& function, std::shared_ptr<detail::completion> completion, std::size_t part,
                      const task_options& options, when_full then) {
    check(!options.timeout || options.timeout->count() > 0, "a task's timeout has to be positive");
    check(!options.stop_grace || options.stop_grace->count() >= 0, "a stop_grace cannot be negative");
    task added{.kept = std::move(function.kept),
               .part = part,
               .function = function.function,
               .retry_if = options.retry_if ? options.retry_if : options_.workers.retry_if,
               .is_idempotent = options.idempotent.value_or(options_.idempotent)};
    note_arrays(added);
    auto traveling = options;
    if (added.retry_if) { // which is not known elsewhere, and who tries again counts
        added.retries_left = options.max_retries.value_or(options_.workers.max_retries);
        traveling.max_retries = 0;
    }
    added.content = content_of_call(function, traveling, added.arrays);
    const task_traits traits{.retries = added.retries_left + (added.is_idempotent ? most_nodes_lost : 0)};

    lock held(mutex_);
    const bool may_wait = then == when_full::wait && std::this_thread::get_id() != collector_id_;
    if (may_wait && !schedule_->has_room()) {
        ++waiting_for_room_;
        const bool over =
            room_.wait(held, options.stop, [&] { return schedule_->has_room() || !schedule_->is_open(); });
        --waiting_for_room_;
        if (!over) {
            throw wait_stopped("a wait for room in a task queue was asked to stop");
        }
    }
    if (!schedule_->is_open()) {
        throw pool_closed("the pool is closed: it takes no more tasks");
    }
    if (then == when_full::refuse && !schedule_->has_room()) {
        return false;
    }
    const auto id = ids_.take();
    completion->bind(part, weak_from_this(), id);
    added.completion = std::move(completion);
    tasks_.emplace(id, std::move(added));
    ++submitted_;
    schedule_->submitted(id, traits);
    perform();
    deliver(held);
    return true;
}

bool mpi_core::cancel(std::uint64_t id) {
    if (!is_made_here()) {
        return false;
    }
    lock held(mutex_);
    const bool cancelled = schedule_->cancel(id);
    if (auto* doomed = tasks_.find(id); doomed != nullptr && cancelled) {
        doomed->is_cancelled = true;
    }
    perform();
    deliver(held);
    return cancelled;
}

void mpi_core::wait_for(std::uint64_t /*task*/, const completion& waited) {
    waited.sleep();
}

void mpi_core::set_initializer(call initializer) {
    task prepared{.kept = std::move(initializer.kept)};
    note_arrays(prepared);
    prepared.content = content_of_call(initializer, {}, prepared.arrays);
    const lock held(mutex_);
    if (submitted_ != 0 || initializer_) {
        throw std::logic_error(std::string("multiprocessing::mpi_pool::initializer: ") +
                               (initializer_ ? "there is one already" : "a task has been submitted before"));
    }
    initializer_ = std::move(prepared);
    for (const auto& [id, each] : nodes_) {
        send_arrays(id, *initializer_);
        cluster_.post(id,
                      {.kind = message_kind::initialize, .pool = number_, .content = initializer_->content});
    }
}

void mpi_core::close() {
    lock held(mutex_);
    if (schedule_) {
        schedule_->close();
    }
    perform();
    deliver(held);
}

void mpi_core::terminate() {
    lock held(mutex_);
    if (!std::exchange(terminated_, true)) {
        if (schedule_) {
            schedule_->terminate();
        }
        if (nodes_are_ending_) {
            send_to_all(message_kind::terminate);
        }
    }
    perform();
    deliver(held);
}

bool mpi_core::join(const wait_limit& limit) {
    {
        const lock held(mutex_);
        if (schedule_ && schedule_->is_open()) {
            throw std::logic_error("multiprocessing::mpi_pool::join: call close or terminate first");
        }
    }
    if (!wait_for_one(end_, limit)) {
        return false;
    }
    const std::lock_guard one_at_a_time(joining_);
    if (collector_.joinable()) {
        collector_.join();
    }
    return true;
}

std::size_t mpi_core::size() const noexcept {
    const lock held(mutex_);
    std::size_t workers = 0;
    for (const auto& [id, each] : nodes_) {
        workers += each.processes;
    }
    return std::max<std::size_t>(1, workers);
}

std::size_t mpi_core::in_flight() const noexcept {
    return std::min(options_.workers.task_queue_capacity, 2 * schedule::first_window * size());
}

pool_stats mpi_core::stats() const {
    const auto workers = size();
    const lock held(mutex_);
    auto result = stats_;
    result.running = std::min(workers, schedule_->running());
    result.queued = tasks_.size() - result.running;
    result.latency = latencies_.summary();
    return result;
}

void mpi_core::node_went(node_id id) {
    lock held(mutex_);
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) {
        return;
    }
    const auto gone = std::move(found->second);
    nodes_.erase(found);
    for (const auto& [place, id_there] : gone.places) {
        where_.erase(place);
        if (auto* lost = tasks_.find(id_there)) {
            lost->lost_with = gone.hello.host;
            if (!lost->is_idempotent && lost->retry_if && !lost->is_cancelled) {
                // Its attempts are for other things.
                schedule_->undeliverable(place, id_there);
                complete_with_error(id_there, error_for(*lost, action::failure::worker_died));
            }
        }
        schedule_->died(place, id_there);
    }
    if (nodes_.empty() && skips_root_) {
        give_up();
    }
    opened_.notify_all();
    perform();
    deliver(held);
}

void mpi_core::nobody_comes() {
    lock held(mutex_);
    give_up();
    perform();
    deliver(held);
}

void mpi_core::received(node_id from, node_message&& message) {
    lock held(mutex_);
    const auto found = nodes_.find(from);
    if (found == nodes_.end()) {
        return;
    }
    switch (message.kind) {
    case message_kind::opened:
        opened(from, message.content);
        break;
    case message_kind::outcome:
        take_outcome(from, std::move(message));
        break;
    case message_kind::ended:
        found->second.has_ended = true;
        break;
    default:
        throw decode_failed("a node sent what only the root sends");
    }
    perform();
    deliver(held);
}

void mpi_core::take_outcome(node_id from, node_message&& message) {
    if (!schedule_) {
        throw decode_failed("a node sent an outcome before there were tasks");
    }
    auto* done = tasks_.find(message.id);
    const auto place = schedule_->holder_of(message.id);
    const auto where = where_.find(place);
    if (done == nullptr || where == where_.end() || where->second != from) {
        return; // it has been failed meanwhile
    }
    decoder in(message.content.bytes());
    auto printed = in.get<std::string>();
    auto outcome = rest_of(message.content, message.content.bytes().size() - in.remaining());
    auto& runner = nodes_.at(from);
    runner.places.at(place) = 0;
    ++runner.finished;
    const bool doubtful = done->retries_left != 0 && is_exception(outcome.bytes());
    const auto keep_what_it_printed = [&] {
        if (!printed.empty()) {
            done->completion->printed(std::move(printed));
        }
    };
    switch (schedule_->result_arrived(place, message.id, doubtful)) {
    case schedule::verdict::outcome:
        keep_what_it_printed();
        complete(message.id, std::move(outcome));
        break;
    case schedule::verdict::doubtful:
        --done->retries_left;
        keep_what_it_printed();
        doubts_.push_back({message.id, std::move(outcome), done->retry_if});
        break;
    case schedule::verdict::impossible:
    case schedule::verdict::too_late:
        break;
    }
}

void mpi_core::look_at_the_clock(steady_time now) {
    lock held(mutex_);
    if (!schedule_) {
        return;
    }
    std::erase_if(resting_, [&](const auto& each) {
        const bool is_due = each.due <= now;
        if (is_due) {
            schedule_->rested(each.task);
        }
        return is_due;
    });
    adapt_places(now);
    forget_arrays();
    perform();
    deliver(held);
}

void mpi_core::perform() {
    if (!schedule_) {
        return;
    }
    do {
        for (auto actions = schedule_->take_actions(); !actions.empty();
             actions = schedule_->take_actions()) {
            for (const auto& any : actions) {
                std::visit([this](const auto& one) { perform(one); }, any);
            }
        }
    } while (fill_places());
    busy_.store(schedule_->running() != 0, std::memory_order_relaxed);
    if (schedule_->finished()) {
        end_nodes();
    }
}

void mpi_core::perform(const action::start_worker& start) {
    if (nobody_comes_) {
        schedule_->died(start.worker, 0);
    } else {
        vacant_.insert(start.worker);
    }
}

void mpi_core::perform(const action::send_task& send) {
    auto* sent = tasks_.find(send.task);
    const auto where = where_.find(send.worker);
    if (sent == nullptr || where == where_.end()) {
        return; // overtaken by another event
    }
    nodes_.at(where->second).places.at(send.worker) = send.task;
    send_arrays(where->second, *sent);
    const bool is_the_last_time = !sent->is_idempotent && sent->retries_left == 0;
    cluster_.post(where->second, {.kind = message_kind::task,
                                  .pool = number_,
                                  .id = send.task,
                                  .content = is_the_last_time ? std::move(sent->content) : sent->content});
}

/// A place has nothing but what is under way there.
void mpi_core::perform(const action::take_back& take) {
    (void)schedule_->taken_back(take.worker, {});
    schedule_->settled(take.worker);
}

void mpi_core::perform(const action::dismiss_worker& dismiss) {
    place_gone(dismiss.worker);
}

void mpi_core::perform(const action::end_worker& end) {
    if (terminated_) {
        place_gone(end.worker);
        return;
    }
    // Its task is to be stopped: by the pool there, which knows how, and says when that is done.
    if (const auto where = where_.find(end.worker); where != where_.end()) {
        cluster_.post(where->second, {.kind = message_kind::cancel,
                                      .pool = number_,
                                      .id = nodes_.at(where->second).places.at(end.worker)});
    }
}

void mpi_core::perform(const action::rest_task& rest) {
    if (auto* rests = tasks_.find(rest.task)) {
        ++rests->attempts;
        ++stats_.retries;
        resting_.push_back({rest.task, deadline_after(rest.after)});
    }
}

void mpi_core::perform(const action::fail_task& failed) {
    if (const auto* found = tasks_.find(failed.task)) {
        complete_with_error(failed.task, error_for(*found, failed.reason));
    }
}

void mpi_core::place_gone(worker_id place, task_id begun) {
    vacant_.erase(place);
    if (const auto where = where_.find(place); where != where_.end()) {
        nodes_.at(where->second).places.erase(place);
        where_.erase(where);
    }
    schedule_->died(place, begun);
}

/// Gives nodes the places that they want: one each, again and again, so that those which are the first to get
/// tasks are spread. Whether there were any.
bool mpi_core::fill_places() {
    bool any = false;
    for (bool more = true; more && !vacant_.empty();) {
        more = false;
        for (auto& [id, each] : nodes_) {
            if (each.is_open && each.places.size() < each.wanted && !vacant_.empty()) {
                const auto place = vacant_.extract(vacant_.begin()).value();
                each.places.emplace(place, 0);
                where_.emplace(place, id);
                schedule_->ready(place);
                any = more = true;
            }
        }
    }
    return any;
}

/// A node is to have work ahead for a short time, in tasks of the length that they have lately.
void mpi_core::adapt_places(steady_time now) {
    const std::chrono::duration<double> since = now - last_look_;
    last_look_ = now;
    for (auto& [id, each] : nodes_) {
        const auto finished = static_cast<double>(std::exchange(each.finished, 0));
        const auto ahead = static_cast<std::size_t>(std::ceil(finished * work_ahead / since));
        const auto least = std::min(least_per_worker * each.processes, each.wanted);
        const auto wanted = std::min(places_per_worker_ * each.processes, least + ahead);
        if (wanted > each.wanted || 2 * wanted < each.wanted) {
            each.wanted = std::max(wanted, each.wanted / 2);
        }
        auto surplus = each.places.size() - std::min(each.places.size(), each.wanted);
        for (auto place = each.places.rbegin(); surplus != 0; ++place, --surplus) {
            schedule_->retire(place->first);
        }
    }
}

void mpi_core::note_arrays(task& noted) {
    for (const auto& kept : noted.kept) {
        if (auto whole = array_behind(kept)) {
            noted.arrays.push_back(whole->array->name());
            const lock held(mutex_);
            arrays_.insert_or_assign(whole->array->name(), known_array{whole->array, whole->elements});
        }
    }
}

/// Before the task, what it refers to.
void mpi_core::send_arrays(node_id to, const task& sent) {
    auto& receiver = nodes_.at(to);
    for (const auto& name : sent.arrays) {
        const auto known = arrays_.find(name);
        auto array = known != arrays_.end() ? known->second.array.lock() : nullptr;
        if (array != nullptr && !is_this_process(receiver.hello) && receiver.arrays.insert(name).second) {
            cluster_.post(to, {.kind = message_kind::array,
                               .pool = number_,
                               .content = content_of_values(name),
                               .rest = payload(std::move(array), known->second.elements)});
        }
    }
}

void mpi_core::forget_arrays() {
    std::erase_if(arrays_, [&](const auto& known) {
        const bool is_gone = known.second.array.expired();
        for (auto& [id, each] : nodes_) {
            if (is_gone && each.arrays.erase(known.first) != 0) {
                cluster_.post(id, {.kind = message_kind::forget_array,
                                   .pool = number_,
                                   .content = content_of_values(known.first)});
            }
        }
        return is_gone;
    });
}

void mpi_core::complete(task_id id, payload&& outcome) {
    if (auto* done = tasks_.find(id)) {
        done->completion->deliver(done->part, std::move(outcome));
        ++stats_.done;
        latencies_.add(std::chrono::steady_clock::now() - done->submitted, 1);
        finish(id, *done);
    }
}

void mpi_core::complete_with_error(task_id id, std::exception_ptr error) {
    if (auto* failed = tasks_.find(id)) {
        failed->completion->fail(std::move(error));
        ++stats_.failed;
        finish(id, *failed);
    }
}

void mpi_core::finish(task_id id, task& finished) {
    finished_.push_back({std::move(finished.completion), std::move(finished.kept)});
    tasks_.erase(id);
    ids_.give_back(id);
}

std::exception_ptr mpi_core::error_for(const task& failed, action::failure reason) const {
    const auto function = failed.function.text();
    switch (reason) {
    case action::failure::pool_terminated:
        return std::make_exception_ptr(
            pool_terminated("the pool was terminated before the task was complete"));
    case action::failure::cancelled:
        return std::make_exception_ptr(task_cancelled(function + " was cancelled"));
    case action::failure::no_worker_starts:
        return refusal_ ? refusal_
                        : std::make_exception_ptr(node_lost("no node is left that could run " + function));
    case action::failure::worker_died:
    case action::failure::timed_out: // nodes find that out
        break;
    }
    const auto attempts =
        failed.attempts == 1 ? "" : " (the last of " + std::to_string(failed.attempts) + " attempts)";
    return std::make_exception_ptr(node_lost("the node on " + failed.lost_with + " is lost, to which " +
                                             function + " had been sent" + attempts));
}

void mpi_core::send_to_all(message_kind kind) {
    for (const auto& [id, each] : nodes_) {
        cluster_.post(id, {.kind = kind, .pool = number_});
    }
}

void mpi_core::end_nodes() {
    if (!std::exchange(nodes_are_ending_, true)) {
        send_to_all(terminated_ ? message_kind::terminate : message_kind::close);
    }
    is_over_ = std::ranges::all_of(nodes_, [](const auto& each) { return each.second.has_ended; });
    if (is_over_) {
        work_.notify_all();
    }
}

/// Completes the futures of what has its outcome, without the lock, but for those with a function of the
/// user's, which the collector is to run.
void mpi_core::deliver(lock& held) {
    if (waiting_for_room_ != 0 && (schedule_->has_room() || !schedule_->is_open())) {
        room_.notify_all();
    }
    if (!doubts_.empty()) {
        work_.notify_all();
    }
    auto finished = std::exchange(finished_, {});
    if (finished.empty()) {
        return;
    }
    ++delivering_;
    held.unlock();
    std::vector<std::shared_ptr<completion>> hooked;
    for (auto& each : finished) {
        each.kept.clear(); // first: who has the result can rely on it
        if (!each.completion->complete_unless_hooked()) {
            hooked.push_back(std::move(each.completion));
        }
    }
    finished.clear();
    held.lock();
    --delivering_;
    if (!hooked.empty() || is_over_) {
        std::ranges::move(hooked, std::back_inserter(for_collector_));
        work_.notify_all();
    }
}

void mpi_core::collect() {
    os::set_process_name("mp-collector");
    lock held(mutex_);
    while (true) {
        const auto is_at_its_end = [&] {
            return is_over_ && delivering_ == 0 && for_collector_.empty() && doubts_.empty();
        };
        work_.wait(held, [&] { return !for_collector_.empty() || !doubts_.empty() || is_at_its_end(); });
        judge(held);
        if (is_at_its_end()) {
            break;
        }
        auto hooked = std::exchange(for_collector_, {});
        held.unlock();
        for (const auto& each : hooked) {
            each->part_is_complete();
        }
        hooked.clear(); // what it destroys may come back here
        held.lock();
    }
    held.unlock();
    end_->part_is_complete();
}

/// Asks whether what came to a bad end is to be tried again, without the lock.
void mpi_core::judge(lock& held) {
    auto doubts = std::exchange(doubts_, {});
    if (doubts.empty()) {
        return;
    }
    held.unlock();
    std::vector<bool> again;
    for (const auto& each : doubts) {
        try {
            const auto exception = exception_in(each.outcome.bytes());
            again.push_back(came_to_nothing(exception) || each.again(exception));
        } catch (...) {
            again.push_back(false);
        }
    }
    held.lock();
    for (std::size_t i = 0; i != doubts.size(); ++i) {
        if (schedule_->is_final(doubts[i].task, again[i])) {
            complete(doubts[i].task, std::move(doubts[i].outcome));
        }
    }
    perform();
    deliver(held);
}

} // namespace multiprocessing::detail
