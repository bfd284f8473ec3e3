// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

/// The whole library but for what is opt-in.
#include <multiprocessing/actor.hpp>
#include <multiprocessing/as_completed.hpp>
#include <multiprocessing/connection.hpp>
#include <multiprocessing/context.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/exception.hpp>
#include <multiprocessing/forkserver.hpp>
#include <multiprocessing/future.hpp>
#include <multiprocessing/init.hpp>
#include <multiprocessing/log.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/progress.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/redirection.hpp>
#include <multiprocessing/serialize.hpp>
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/shared_value.hpp>
#include <multiprocessing/synchronization.hpp>
#include <multiprocessing/wait.hpp>
