// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <multiprocessing/detail/asio_operation.hpp>
#include <multiprocessing/detail/thread_name.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>
#include <type_traits>
#include <unistd.h>
#include <utility>

#pragma GCC visibility push(default)

/// What waits, for programs that are built on Boost.Asio: as operations that take any completion token. Not
/// part of `multiprocessing.hpp`.
///
/// They complete with `void(std::exception_ptr)`, or `void(std::exception_ptr, R)` where there is a value.
/// The exception is what the waiting call would throw, of its own type, so `co_await` and `use_future` throw
/// it. R needs a default constructor.
///
/// The handler runs on its associated executor, never inside the initiating function, and that executor has
/// work meanwhile. The operation is in memory of the associated allocator, which is used by the thread that
/// initiates, the one that completes, and the executor's. A context that ends destroys the handlers of its
/// pending operations uncalled.
///
/// An operation that is cancelled through the handler's cancellation slot completes with a
/// `boost::system::system_error` of `boost::asio::error::operation_aborted`, unless it is complete already.
/// Slots are not for several threads at once: a signal is to be emitted where the handler runs.
namespace multiprocessing {

namespace detail {

/// Submits without waiting for room in the task queue.
struct unbounded_submission {
    template <class R, class F, class... Args>
    static future<R> submit(basic_pool& workers, const task_options& options, const F& f,
                            const Args&... args) {
        auto state = std::make_shared<completion>();
        workers.submit_at_once(make_call_in(workers.memory(), f, args...), state, options);
        return future<R>(std::move(state));
    }
};

/// Where the outcome of a task comes from.
template <class R>
struct task_source {
    future<R> outcome{};
    std::exception_ptr refusal{}; // instead

    R take() {
        if (refusal) {
            std::rethrow_exception(refusal);
        }
        try {
            return outcome.get();
        } catch (const task_cancelled&) { // nobody else has the future
            throw_aborted();
        }
    }
};

template <class R>
struct initiate_apply {
    template <class Handler, class F, class... Args>
    void operator()(Handler handler, basic_pool* workers, const task_options& options, const F& f,
                    const Args&... args) const {
        const auto operations = operations_for(handler);
        auto& operation = source_operation<Handler, task_source<R>>::make(std::move(handler));
        if (!operations->add(operation, [] {})) {
            return;
        }
        auto& source = operation.source();
        try {
            source.outcome = unbounded_submission::submit<R>(*workers, options, f, args...);
        } catch (...) {
            source.refusal = std::current_exception();
            operations->complete(operation);
            return;
        }
        // What a task that has begun has done stays done, so nothing is promised to who wants all or nothing.
        const auto task = source.outcome.state();
        operation.on_cancellation(asio::cancellation_type::terminal | asio::cancellation_type::partial,
                                  [task] { task->cancel(); });
        // The pool's thread only posts; values are decoded where the handler runs.
        task->on_ready([operations, &operation] { operations->complete(operation); });
    }
};

/// The outcome of a wait that no reactor can do: of `wait(stop)`, which gives something that is false when it
/// was asked to stop. Done by a thread of its own, unless it need not wait.
template <class R, class Wait>
class waiting_source {
public:
    explicit waiting_source(Wait wait) : wait_(std::move(wait)) {}
    ~waiting_source() {
        stop_.request_stop();
        if (thread_.joinable()) {
            thread_.join();
        }
    }
    waiting_source(const waiting_source&) = delete;
    waiting_source& operator=(const waiting_source&) = delete;

    [[nodiscard]] const std::stop_source& stop() const noexcept { return stop_; }

    /// Whether it has an outcome now.
    bool attempt() {
        std::stop_source at_once;
        at_once.request_stop();
        run(at_once.get_token());
        return outcome_ || failure_;
    }

    /// Waits on a thread of its own, which then calls `done`. Throws `std::system_error` when there is none.
    template <class Done>
    void start(Done done) {
        thread_ = std::thread([this, done = std::move(done)] {
            name_this_thread("mp-wait");
            run(stop_.get_token());
            done();
        });
    }
    void fail(std::exception_ptr failure) { failure_ = std::move(failure); }

    R take() {
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        if (!outcome_) {
            throw_aborted();
        }
        if constexpr (!std::is_void_v<R>) {
            return std::move(*outcome_);
        }
    }

private:
    void run(std::stop_token stop) noexcept {
        try {
            outcome_ = wait_(std::move(stop));
        } catch (...) {
            failure_ = std::current_exception();
        }
    }

    Wait wait_;
    std::decay_t<std::invoke_result_t<Wait&, std::stop_token>> outcome_{};
    std::exception_ptr failure_;
    std::stop_source stop_;
    std::thread thread_;
};

template <class R>
struct initiate_waiting {
    template <class Handler, class Wait>
    void operator()(Handler handler, Wait wait) const {
        const auto operations = operations_for(handler);
        auto& operation =
            source_operation<Handler, waiting_source<R, Wait>>::make(std::move(handler), std::move(wait));
        auto& source = operation.source();
        bool has_outcome = source.attempt();
        if (!has_outcome) {
            operation.on_cancellation(asio::cancellation_type::all,
                                      [stop = source.stop()]() mutable { stop.request_stop(); });
        }
        const auto start = [&] {
            if (!has_outcome) {
                try {
                    source.start([operations, &operation] { operations->complete(operation); });
                } catch (const std::system_error& e) {
                    source.fail(std::make_exception_ptr(resource_error(
                        e.code(), std::string("cannot start a thread to wait for a queue: ") + e.what())));
                    has_outcome = true;
                }
            }
        };
        if (operations->add(operation, start) && has_outcome) {
            operations->complete(operation);
        }
    }
};

/// The steps of waiting for a process.
class process_wait {
public:
    explicit process_wait(process& child) : child_(&child) {}

    template <class Self>
    void operator()(Self& self, boost::system::error_code error = {}) {
        if (!end_ && !failure_) {
            begin(self);
            return;
        }
        std::optional<int> exit_code;
        if (error) {
            failure_ = std::make_exception_ptr(boost::system::system_error(error));
        } else if (!failure_ && !(exit_code = child_->exit_code())) {
            // It has ended, and who traces it has not let go of it yet. Nothing tells when that happens.
            auto& again = *look_again_;
            again.expires_after(look_again_after);
            again.async_wait(std::move(self));
            return;
        }
        end_.reset();
        look_again_.reset();
        self.complete(std::move(failure_), exit_code.value_or(0));
    }

private:
    static constexpr std::chrono::milliseconds look_again_after{50};

    template <class Self>
    void begin(Self& self) {
        self.reset_cancellation_state(asio::enable_total_cancellation());
        try {
            open(self.get_executor());
        } catch (...) {
            failure_ = std::current_exception();
            asio::post(std::move(self));
            return;
        }
        auto& end = *end_;
        end.async_wait(asio::posix::stream_descriptor::wait_read, std::move(self));
    }

    /// A descriptor of its own: the reactor takes each once only.
    void open(const asio::any_io_executor& executor) {
        auto end = std::make_unique<asio::posix::stream_descriptor>(executor);
        look_again_ = std::make_unique<asio::steady_timer>(executor);
        const int descriptor = detail::copy_of_handle(*child_);
        boost::system::error_code error;
        end->assign(descriptor, error);
        if (error) {
            ::close(descriptor);
            throw resource_error(error, "cannot have a process watched: " + error.message());
        }
        end_ = std::move(end);
    }

    process* child_;
    std::unique_ptr<asio::posix::stream_descriptor> end_; // readable once the child has ended
    std::unique_ptr<asio::steady_timer> look_again_;
    std::exception_ptr failure_;
};

template <class R>
struct completion_signature {
    static_assert(std::default_initializable<R>,
                  "what is to arrive through Asio needs a default constructor");
    using type = void(std::exception_ptr, R);
};
template <>
struct completion_signature<void> {
    using type = void(std::exception_ptr);
};
template <class R>
using completion_signature_t = typename completion_signature<R>::type;

/// Takes `arguments` for those of a call, and behind them the token.
template <class F, class... Arguments>
class apply_parameters {
    static_assert(sizeof...(Arguments) != 0, "async_apply wants a completion token behind the arguments");
    static constexpr std::size_t last = sizeof...(Arguments) - 1;
    template <std::size_t... I>
    static auto apply(std::index_sequence<I...>, basic_pool& workers, const task_options& options, F&& f,
                      std::tuple<Arguments&&...> arguments) {
        using result = remote_result_t<F, std::tuple_element_t<I, std::tuple<Arguments...>>...>;
        using token = std::tuple_element_t<last, std::tuple<Arguments...>>;
        return asio::async_initiate<token, completion_signature_t<result>>(
            initiate_apply<result>(), std::get<last>(arguments), &workers, options, std::forward<F>(f),
            std::get<I>(std::move(arguments))...);
    }

public:
    static auto apply(basic_pool& workers, const task_options& options, F&& f, Arguments&&... arguments) {
        return apply(std::make_index_sequence<last>(), workers, options, std::forward<F>(f),
                     std::forward_as_tuple(std::forward<Arguments>(arguments)...));
    }
};

} // namespace detail

/// Runs `f(args...)` in a worker of the pool, as `pool::apply_async` does, and completes with what it
/// returns: `async_apply(pool, f, args..., token)`. Never waits for room in the task queue: what is submitted
/// here can exceed its capacity, and is bounded by those who wait for it.
///
/// Errors are those of `pool::apply`, and of submitting. Cancellation, terminal or partial, is that of
/// `future::cancel`: the operation completes once nothing runs any more. The pool need not outlive the
/// operation: when it ends first, that completes with `pool_terminated`. With a token that only describes
/// the operation (`deferred`, `use_awaitable`), the pool must be there when that is started, and `f` and
/// `args` are kept until then.
template <class F, class... ArgsAndToken>
requires(!std::same_as<std::remove_cvref_t<F>, task_options>) auto async_apply(
    basic_pool& workers, F&& f, ArgsAndToken&&... args_and_token) {
    return detail::apply_parameters<F, ArgsAndToken...>::apply(workers, task_options{}, std::forward<F>(f),
                                                               std::forward<ArgsAndToken>(args_and_token)...);
}
/// The same, treated as `options` say.
template <class F, class... ArgsAndToken>
auto async_apply(basic_pool& workers, const task_options& options, F&& f, ArgsAndToken&&... args_and_token) {
    return detail::apply_parameters<F, ArgsAndToken...>::apply(workers, options, std::forward<F>(f),
                                                               std::forward<ArgsAndToken>(args_and_token)...);
}

/// Waits until the child has ended, and completes with its exit code, as `process::exit_code` tells it. Any
/// number of these, and of `join`, may wait at once. The object must stay where it is meanwhile. The errors:
/// `std::logic_error` when it was not started, `resource_error` when there is no descriptor. All types of
/// cancellation; the child goes on.
template <class Token>
auto async_wait(process& child, Token&& token) {
    return boost::asio::async_compose<Token, void(std::exception_ptr, int)>(detail::process_wait(child),
                                                                            token);
}

/// Waits for a value and takes it, as `queue::get` does. All types of cancellation: then nothing is taken.
///
/// Queues are in shared memory, where no reactor can wait, so an operation that has to wait has a thread of
/// its own until it is complete. They are not served in the order of their beginning. A value that was taken
/// for a handler whose context ends before it has run is lost with it.
template <class T, class Token>
auto async_get(const queue<T>& from, Token&& token) {
    auto wait = [from = queue<T>(from)](std::stop_token stop) mutable { return from.get(std::move(stop)); };
    return boost::asio::async_initiate<Token, detail::completion_signature_t<T>>(
        detail::initiate_waiting<T>(), token, std::move(wait));
}

/// Waits for room and puts a value, as `queue::put` does. All types of cancellation: then nothing is put.
/// Waits as `async_get` does.
template <class T, class Token>
auto async_put(const queue<T>& to, std::type_identity_t<T> value, Token&& token) {
    auto wait = [to = queue<T>(to), value = std::move(value)](std::stop_token stop) mutable {
        return to.put(value, std::move(stop));
    };
    return boost::asio::async_initiate<Token, void(std::exception_ptr)>(detail::initiate_waiting<void>(),
                                                                        token, std::move(wait));
}

} // namespace multiprocessing

#pragma GCC visibility pop
