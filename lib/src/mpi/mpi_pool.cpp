// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/mpi.hpp>

#include "child/bootstrap.hpp"
#include "mpi/mpi_core.hpp"
#include "pool/pool_core.hpp"

#include <multiprocessing/error.hpp>

namespace multiprocessing {
namespace {

std::shared_ptr<detail::mpi_core> start_mpi_pool(const mpi_options& options) {
    if (!detail::program_arguments()) {
        throw not_initialized();
    }
    auto core = std::make_shared<detail::mpi_core>(detail::cluster::of_this_process(), options);
    try {
        core->start();
    } catch (...) {
        detail::end_pool(core);
        throw;
    }
    return core;
}

} // namespace

mpi_pool::mpi_pool(const mpi_options& options) : basic_pool(start_mpi_pool(options)) {}

std::vector<mpi_node> mpi_pool::nodes() const {
    return static_cast<detail::mpi_core&>(core()).nodes();
}

} // namespace multiprocessing
