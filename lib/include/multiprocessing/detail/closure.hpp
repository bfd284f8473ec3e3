// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#pragma once

#include <functional>
#include <memory>
#include <tuple>
#include <type_traits>
#include <utility>

#pragma GCC visibility push(default)

namespace multiprocessing::detail {

/// A callable with its arguments, of whatever types, to be called once in this memory or a copy of it.
class closure {
public:
    closure() = default;
    virtual ~closure() = default;
    closure(const closure&) = delete;
    closure& operator=(const closure&) = delete;
    virtual void run() = 0;
};

/// Kept and called as `std::thread` does it: copied or moved here, handed over as temporaries; `std::ref` for
/// references.
template <class... T>
class bound_closure final : public closure {
    static_assert(std::is_invocable_v<T...>,
                  "this callable cannot be called with these arguments (each is handed over as a temporary)");

public:
    template <class... U>
    explicit bound_closure(U&&... parts) : parts_(std::forward<U>(parts)...) {}
    void run() override {
        std::apply([](T&... part) { (void)std::invoke(std::move(part)...); }, parts_);
    }

private:
    std::tuple<T...> parts_;
};

template <class... T>
std::unique_ptr<closure> make_closure(T&&... parts) {
    return std::make_unique<bound_closure<std::decay_t<T>...>>(std::forward<T>(parts)...);
}

} // namespace multiprocessing::detail

#pragma GCC visibility pop
