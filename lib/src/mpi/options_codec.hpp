// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/pool_options.hpp>
#include <multiprocessing/serialize.hpp>

namespace multiprocessing::detail {

/// Shows all of a pool's options but the predicate, which does not travel.
template <class Options, class Visit>
void visit_options(Options& o, const Visit& each) {
    each(o.processes);
    each(o.max_tasks_per_child);
    each(o.task_queue_capacity);
    each(o.task_timeout);
    each(o.max_retries);
    each(o.stop_grace);
    each(o.retry_back_off);
    each(o.max_rss);
    each(o.isolation);
    each(o.prefetch);
    each(o.spin);
    each(o.limits);
    each(o.niceness);
    each(o.affinity);
    each(o.working_directory);
    each(o.environment);
    each(o.start_method);
    each(o.worker_name);
    each(o.replace_workers);
    each(o.trace);
}

/// Appends a pool's options, for a node that is to make one.
inline void put_options(encoder& out, const pool_options& options) {
    visit_options(options, [&](const auto& value) { out.put(value); });
}
inline pool_options get_options(decoder& in) {
    pool_options options;
    visit_options(options, [&](auto& value) { in >> value; });
    return options;
}

} // namespace multiprocessing::detail
