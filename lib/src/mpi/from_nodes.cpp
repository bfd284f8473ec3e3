// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// The other side of an mpi_pool: its nodes, from their coming to their end, and what they say.
#include "mpi/mpi_core.hpp"

#include "child/outcome.hpp"
#include "os/host.hpp"
#include "os/process.hpp"

#include <multiprocessing/error.hpp>

#include <algorithm>
#include <system_error>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// Places at a node for each of its workers, where tasks are short. Of tasks that take no time so many keep a
/// worker busy for as long as a message takes there and back.
constexpr std::size_t most_per_worker = 64;
/// Where there are very many workers each gets fewer places: the schedule keeps some 800 bytes for each
/// place.
constexpr std::size_t most_places = 16'384;

/// The part of a content behind its first bytes.
payload rest_of(const payload& whole, std::size_t first) {
    const auto rest = whole.bytes().subspan(first);
    return rest.size() <= payload::most_inside ? payload(rest)
                                               : payload(std::make_shared<const payload>(whole), rest);
}

bool is_this_process(const node_hello& hello) {
    return hello.pid == current_process().pid() && hello.host == os::host_name();
}

} // namespace

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
    const auto places_per_worker =
        std::clamp(most_places / workers, places::least_per_worker, most_per_worker);
    places_.set_most_per_worker(places_per_worker);
    schedule_.emplace(schedule_options{.workers = workers * places_per_worker,
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
    auto options = options_.workers;
    options.processes = came.processes;
    if (!options.trace.empty()) { // where nodes share a folder they do not share the file
        options.trace += "." + std::to_string(id);
    }
    post(id, {.kind = message_kind::open, .content = content_of_open(options)});
    if (initializer_) {
        initialize(id);
    }
}

void mpi_core::initialize(node_id id) {
    post_with_arrays(id, {.kind = message_kind::initialize, .content = initializer_->content},
                     initializer_->arrays);
}

/// What a node has to say of its workers.
void mpi_core::opened(node_id id, const payload& outcome) {
    auto& host = nodes_.at(id);
    if (std::exchange(host.is_open, true)) {
        throw decode_failed("a node has opened a pool twice");
    }
    if (is_value(outcome.bytes())) {
        places_.add_node(id, host.processes);
    } else {
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
    for (const auto place : places_.remove_vacant()) {
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

std::size_t mpi_core::size() const noexcept {
    const lock held(mutex_);
    std::size_t workers = 0;
    for (const auto& [id, each] : nodes_) {
        workers += each.processes;
    }
    return std::max<std::size_t>(1, workers);
}

void mpi_core::node_went(node_id id) {
    lock held(mutex_);
    const auto found = nodes_.find(id);
    if (found == nodes_.end()) {
        return;
    }
    const auto host = std::move(found->second.hello.host);
    nodes_.erase(found);
    copies_.remove_node(id);
    for (const auto& [place, under_way] : places_.remove_node(id)) {
        if (auto* lost = tasks_.find(under_way)) {
            lost->lost_with = host;
            if (!lost->is_idempotent && lost->retry_if && !lost->is_cancelled) {
                // Its attempts are for other things.
                schedule_->undeliverable(place, under_way);
                complete_with_error(under_way, error_for(*lost, action::failure::worker_died));
            }
        }
        schedule_->died(place, under_way);
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
    if (done == nullptr || places_.node_of(place) != from) {
        return; // it has been failed meanwhile
    }
    decoder in(message.content.bytes());
    auto printed = in.get<std::string>();
    auto outcome = rest_of(message.content, message.content.bytes().size() - in.remaining());
    places_.task_finished(place);
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
        collector_.post(
            [this, asked = doubt{message.id, std::move(outcome), done->retry_if}] { judge(asked); });
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
    resting_.wake(now, [this](task_id rested) { schedule_->rested(rested); });
    for (const auto place : places_.adapt(now)) {
        schedule_->retire(place);
    }
    for (auto& [to, message] : copies_.gone()) {
        post(to, std::move(message));
    }
    perform();
    deliver(held);
}

void mpi_core::post(node_id to, node_message&& message) {
    message.pool = number_;
    cluster_.post(to, std::move(message));
}

/// Before the message, what it refers to. The root's own node has its arrays.
void mpi_core::post_with_arrays(node_id to, node_message&& message, const std::vector<array_in_use>& arrays) {
    if (!arrays.empty() && !is_this_process(nodes_.at(to).hello)) {
        for (auto& missing : copies_.missing_at(to, arrays)) {
            post(to, std::move(missing));
        }
    }
    post(to, std::move(message));
}

void mpi_core::send_to_all(message_kind kind) {
    for (const auto& [id, each] : nodes_) {
        post(id, {.kind = kind});
    }
}

void mpi_core::end_nodes() {
    if (!std::exchange(nodes_are_ending_, true)) {
        send_to_all(terminated_ ? message_kind::terminate : message_kind::close);
    }
    is_over_ = std::ranges::all_of(nodes_, [](const auto& each) { return each.second.has_ended; });
}

} // namespace multiprocessing::detail
