// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/system/system_error.hpp>

#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <type_traits>
#include <unordered_set>
#include <utility>

#pragma GCC visibility push(default)

/// Operations of Asio that are completed by threads which are not Asio's: a pool's, or one that waits.
///
///      initiating function        other thread                      executor of the handler
///      make, add ---------------> complete: post it --------------> delivery: take the outcome,
///          |                                                        free the operation, call the handler
///          +--- or the context ends first: abandon, the handler is destroyed uncalled
namespace multiprocessing::detail {

namespace asio = boost::asio;

/// What an Asio program expects of an operation that was cancelled.
[[noreturn]] inline void throw_aborted() {
    throw boost::system::system_error(asio::error::operation_aborted);
}

/// One that has begun and was not completed.
class pending_operation {
public:
    /// Hands itself over to its handler's executor.
    virtual void post() = 0;
    /// Destroys itself, and its handler uncalled.
    virtual void destroy() noexcept = 0;

protected:
    ~pending_operation() = default;
};

/// The pending operations of an execution context, which own themselves through it. Outlives the context for
/// those who would complete one. Thread-safe.
class pending_operations {
public:
    /// Has it begin by `start`, which must not complete others, unless the context has ended: then it is
    /// destroyed, and the result is false.
    template <class Start>
    bool add(pending_operation& operation, const Start& start) {
        std::unique_lock lock(mutex_);
        if (!is_over_) {
            pending_.insert(&operation);
            start();
            return true;
        }
        lock.unlock();
        operation.destroy();
        return false;
    }

    /// Posts it, unless the context has ended: then it is no more. The context stays during that time.
    void complete(pending_operation& operation) {
        const std::lock_guard lock(mutex_);
        if (!is_over_) {
            pending_.erase(&operation);
            operation.post();
        }
    }

    /// The context ends.
    void abandon() noexcept {
        std::unique_lock lock(mutex_);
        is_over_ = true;
        const auto abandoned = std::exchange(pending_, {});
        lock.unlock(); // what a handler owns may do anything when it is destroyed
        for (auto* operation : abandoned) {
            operation->destroy();
        }
    }

private:
    std::mutex mutex_; // guards what follows
    std::unordered_set<pending_operation*> pending_;
    bool is_over_ = false;
};

class pending_operations_service final : public asio::execution_context::service {
public:
    static inline asio::execution_context::id id;

    explicit pending_operations_service(asio::execution_context& owner) : service(owner) {}
    [[nodiscard]] const std::shared_ptr<pending_operations>& operations() const noexcept {
        return operations_;
    }

private:
    void shutdown() override { operations_->abandon(); }

    const std::shared_ptr<pending_operations> operations_ = std::make_shared<pending_operations>();
};

/// The pending operations of the context whose executor the handler is for.
template <class Handler>
std::shared_ptr<pending_operations> operations_for(const Handler& handler) {
    asio::execution_context& context =
        asio::query(asio::get_associated_executor(handler), asio::execution::context);
    return asio::use_service<pending_operations_service>(context).operations();
}

/// An operation whose outcome is what `Source::take` returns or throws. It is in memory of the handler's
/// allocator, and gives it back before it calls the handler.
template <class Handler, class Source>
class source_operation final : public pending_operation {
    using memory = typename std::allocator_traits<
        asio::associated_allocator_t<Handler>>::template rebind_alloc<source_operation>;
    using memory_traits = std::allocator_traits<memory>;
    using executor = asio::associated_executor_t<Handler>;
    using working_executor = std::decay_t<decltype(asio::prefer(std::declval<const executor&>(),
                                                                asio::execution::outstanding_work.tracked))>;

public:
    /// Owned by the caller, until it is added to the pending ones.
    template <class... Arguments>
    static source_operation& make(Handler handler, Arguments&&... arguments) {
        memory from(asio::get_associated_allocator(handler));
        auto* place = memory_traits::allocate(from, 1);
        try {
            return *std::construct_at(place, from, std::move(handler), std::forward<Arguments>(arguments)...);
        } catch (...) {
            memory_traits::deallocate(from, place, 1);
            throw;
        }
    }

    template <class... Arguments>
    source_operation(const memory& from, Handler&& handler, Arguments&&... arguments)
        : memory_(from),
          handler_(std::move(handler)),
          executor_(asio::prefer(asio::get_associated_executor(handler_),
                                 asio::execution::outstanding_work.tracked)),
          source_(std::forward<Arguments>(arguments)...) {}

    [[nodiscard]] Source& source() noexcept { return source_; }

    /// Has the signals of the handler's slot for these types of cancellation call `cancel`, which may be done
    /// after the operation has ended. Before anybody can complete it.
    template <class Cancel>
    void on_cancellation(asio::cancellation_type types, Cancel cancel) {
        if (auto slot = asio::get_associated_cancellation_slot(handler_); slot.is_connected()) {
            slot.assign([types, cancel = std::move(cancel)](asio::cancellation_type wanted) mutable {
                if ((wanted & types) != asio::cancellation_type::none) {
                    cancel();
                }
            });
        }
    }

    void post() override {
        const auto where = executor_; // the operation may be gone before this function returns
        asio::post(where, delivery(*this));
    }

    void destroy() noexcept override {
        auto from = memory_;
        std::destroy_at(this);
        memory_traits::deallocate(from, this, 1);
    }

private:
    /// What the executor runs, and the owner of the operation on its way there.
    class delivery {
    public:
        using allocator_type = asio::associated_allocator_t<Handler>;

        explicit delivery(source_operation& operation)
            : allocator_(operation.memory_), operation_(&operation) {}
        [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_; }

        void operator()() {
            using result = decltype(operation_->source_.take());
            asio::get_associated_cancellation_slot(operation_->handler_).clear();
            std::exception_ptr failure;
            if constexpr (std::is_void_v<result>) {
                try {
                    operation_->source_.take();
                } catch (...) {
                    failure = std::current_exception();
                }
                take_handler()(std::move(failure));
            } else {
                std::optional<result> value;
                try {
                    value.emplace(operation_->source_.take());
                } catch (...) {
                    failure = std::current_exception();
                }
                take_handler()(std::move(failure), value ? std::move(*value) : result{});
            }
        }

    private:
        Handler take_handler() {
            auto handler = std::move(operation_->handler_);
            operation_.reset();
            return handler;
        }

        struct destroyer {
            void operator()(source_operation* operation) const noexcept { operation->destroy(); }
        };
        allocator_type allocator_;
        std::unique_ptr<source_operation, destroyer> operation_;
    };

    memory memory_; // the handler has moved away when this is to be freed
    Handler handler_;
    const working_executor executor_; // its context has work to do meanwhile
    Source source_;                   // the first to be destroyed: a thread may be in it
};

} // namespace multiprocessing::detail

#pragma GCC visibility pop
