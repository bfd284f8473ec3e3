// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// shared_array: named memory, and what this process has of it already.
//
//     process that made it                     | another process
//                                              |
//     handles -> made_array -> named memory    |  handles -> opened_array -> array_memory <- arrays_here
//                     ^                        |               "in use"      "mapped"        the last ones
//                     used
//     arrays_here ----'  finds it again        |
//
// A mapping that is kept open would keep the memory of an array that is gone. So whoever lets go of an array
// last, of those who used it, gives the memory back: the block in front of the elements tells who that is.
#include "ipc/shared_array.hpp"

#include "ipc/named_memory.hpp"
#include "ipc/names.hpp"
#include "os/copy.hpp"
#include "os/descriptor.hpp"
#include "os/memory.hpp"

#include <multiprocessing/shared_memory.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <mutex>
#include <new>
#include <vector>

namespace multiprocessing::detail {
namespace {

/// How many arrays a process keeps open. A task rarely uses more, and each costs a mapping, of which a
/// process has 65,530.
constexpr std::size_t most_kept_open = 64;

/// In front of the elements:
///
///     | what it is | users | gone | elements ...
///
/// Written by all who have the array open.
struct alignas(array_alignment) array_header {
    static constexpr std::uint64_t is_array = 0x5961727241726853;

    std::uint64_t kind = is_array;
    /// How many handles there are, copies of one counting once, outside the process that made it. Who is
    /// killed stays among them: the memory then goes with the last mapping.
    std::atomic<std::uint32_t> users{0};
    std::atomic<std::uint32_t> gone{0}; // 1: its maker has let go of it
};
static_assert(sizeof(array_header) == array_alignment);

[[noreturn]] void throw_array_gone(const std::string& name) {
    throw_gone("shared array " + name);
}

/// An array as this process has it mapped.
class array_memory {
public:
    array_memory(const std::string& name, named_memory memory) : name_(name), memory_(std::move(memory)) {
        memory_.close_descriptor(); // descriptors are scarce, and it is mapped
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] array_header& header() const {
        return *std::launder(reinterpret_cast<array_header*>(memory_.data()));
    }
    [[nodiscard]] std::byte* elements() const { return memory_.data() + sizeof(array_header); }
    [[nodiscard]] std::span<const std::byte> all_elements() const {
        return {elements(), memory_.size() - sizeof(array_header)};
    }
    /// Whether this is, as far as can be told, an array of so many bytes.
    [[nodiscard]] bool is_array_of(std::size_t size) const {
        return memory_.size() == sizeof(array_header) + size && header().kind == array_header::is_array;
    }
    void set_up() const { ::new (memory_.data()) array_header; }
    [[nodiscard]] bool is_gone() const { return header().gone.load() != 0; }
    /// Once nobody is to use the elements any more.
    void give_back() const { os::release({memory_.data(), memory_.size()}, sizeof(array_header)); }

private:
    const std::string name_;
    named_memory memory_;
};

/// What the handles have of an array in the process that made it.
class made_array final : public array_core {
public:
    explicit made_array(std::size_t size)
        : name_("-array"),
          memory_(name_.text(), named_memory::create(name_.text(), sizeof(array_header) + size)) {
        memory_.set_up();
    }
    ~made_array() override;
    made_array(const made_array&) = delete;
    made_array& operator=(const made_array&) = delete;
    [[nodiscard]] std::byte* data() const noexcept override { return memory_.elements(); }
    [[nodiscard]] const std::string& name() const noexcept override { return memory_.name(); }
    [[nodiscard]] const array_memory& memory() const noexcept { return memory_; }

private:
    const os::maker maker_{};
    const own_name name_;
    const array_memory memory_;
};

/// The arrays that this process has. Thread-safe.
class arrays_here {
public:
    void add_made(const std::string& name, const std::weak_ptr<made_array>& array) {
        const std::lock_guard lock(mutex_);
        made_.emplace(name, array);
    }
    void remove_made(const std::string& name) noexcept {
        const std::lock_guard lock(mutex_);
        made_.erase(name);
    }
    [[nodiscard]] std::shared_ptr<made_array> find_made(const std::string& name) {
        const std::lock_guard lock(mutex_);
        const auto found = made_.find(name);
        return found != made_.end() ? found->second.lock() : nullptr;
    }

    [[nodiscard]] std::shared_ptr<made_array> find_made(const std::shared_ptr<const void>& array) {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, each] : made_) {
            if (!each.owner_before(array) && !array.owner_before(each)) {
                return each.lock();
            }
        }
        return nullptr;
    }

    void substitute(array_substitutes substitutes) {
        const std::lock_guard lock(mutex_);
        substitutes_ = std::move(substitutes);
    }
    [[nodiscard]] std::string here(const std::string& name) {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(substitutes_, name, &array_substitutes::value_type::first);
        return found != substitutes_.end() ? found->second : name;
    }

    [[nodiscard]] std::shared_ptr<array_memory> find_opened(const std::string& name) {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(opened_, name, &array_memory::name);
        if (found == opened_.end()) {
            return nullptr;
        }
        std::rotate(opened_.begin(), found, found + 1);
        return opened_.front();
    }
    /// Unused ones that are gone are let go, and the least recently used.
    void keep_open(std::shared_ptr<array_memory> array) {
        memories dropped; // unmapped outside the lock
        const std::lock_guard lock(mutex_);
        dropped =
            take_if([](const array_memory& each) { return each.is_gone() || !name_exists(each.name()); });
        opened_.insert(opened_.begin(), std::move(array));
        if (opened_.size() > most_kept_open) {
            dropped.push_back(std::move(opened_.back()));
            opened_.pop_back();
        }
    }
    void forget_unused() {
        memories dropped;
        const std::lock_guard lock(mutex_);
        dropped = take_if([](const array_memory&) { return true; });
    }

private:
    using memories = std::vector<std::shared_ptr<array_memory>>;

    /// Those which nobody uses, and `condition` holds for. Others become users under the mutex only.
    template <class Condition>
    memories take_if(const Condition& condition) {
        const auto stays = [&](const auto& each) { return each.use_count() != 1 || !condition(*each); };
        const auto end = std::stable_partition(opened_.begin(), opened_.end(), stays);
        memories taken(std::make_move_iterator(end), std::make_move_iterator(opened_.end()));
        opened_.erase(end, opened_.end());
        return taken;
    }

    std::mutex mutex_; // guards what follows
    std::map<std::string, std::weak_ptr<made_array>> made_;
    memories opened_; // the last used one first
    array_substitutes substitutes_;
};

arrays_here& all_arrays() {
    return os::one_per_process<arrays_here>();
}

made_array::~made_array() {
    if (!maker_.is_this_process()) {
        return; // in a copy of this process that somebody has forked: the array is the original's
    }
    all_arrays().remove_made(memory_.name());
    auto& header = memory_.header();
    if (maker_.has_copies()) {
        header.users.fetch_add(1); // they have handles as well, which nobody counts
    }
    header.gone.store(1); // before looking for users, who look for this once they are
    if (header.users.load() == 0) {
        memory_.give_back();
    }
}

/// What a received handle, and its copies, have of an array in another process.
class opened_array final : public array_core {
public:
    explicit opened_array(std::shared_ptr<const array_memory> memory) : memory_(std::move(memory)) {
        memory_->header().users.fetch_add(1);
    }
    opened_array(const opened_array&) = delete;
    opened_array& operator=(const opened_array&) = delete;
    ~opened_array() override {
        // Copies of this process have handles as well, which nobody counts.
        if (!user_.has_copies() && memory_->header().users.fetch_sub(1) == 1 && memory_->is_gone()) {
            memory_->give_back();
        }
    }
    [[nodiscard]] std::byte* data() const noexcept override { return memory_->elements(); }
    [[nodiscard]] const std::string& name() const noexcept override { return memory_->name(); }

private:
    const os::maker user_{};
    const std::shared_ptr<const array_memory> memory_;
};

std::shared_ptr<array_memory> map_array(const std::string& name) {
    try {
        return std::make_shared<array_memory>(name, named_memory::open(name));
    } catch (const resource_error& e) {
        if (e.code() == std::errc::no_such_file_or_directory) {
            throw_array_gone(name);
        }
        if (e.code() != std::errc::not_enough_memory) {
            throw;
        }
    }
    forget_unused_arrays(); // which are in the way where a process may have little memory
    return std::make_shared<array_memory>(name, named_memory::open(name));
}

void expect_array(const array_memory& memory, std::size_t size) {
    if (!memory.is_array_of(size)) {
        throw decode_failed("a shared array is announced that is another one");
    }
}

} // namespace

std::shared_ptr<array_core> make_array(std::size_t size) {
    auto array = std::make_shared<made_array>(size);
    all_arrays().add_made(array->name(), array);
    return array;
}

std::optional<whole_array> array_behind(const std::shared_ptr<const void>& kept) {
    auto found = all_arrays().find_made(kept);
    if (found == nullptr) {
        return std::nullopt;
    }
    const auto elements = found->memory().all_elements();
    return whole_array{std::move(found), elements};
}

void substitute_arrays(array_substitutes substitutes) {
    all_arrays().substitute(std::move(substitutes));
}

std::shared_ptr<array_core> open_array(const std::string& announced, std::size_t size) {
    auto& here = all_arrays();
    const auto name = here.here(announced);
    if (auto made = here.find_made(name)) {
        expect_array(made->memory(), size);
        return made;
    }
    auto memory = here.find_opened(name);
    const bool is_new = memory == nullptr;
    if (is_new) {
        memory = map_array(name);
    }
    expect_array(*memory, size);
    auto array = std::make_shared<opened_array>(memory);
    if (memory->is_gone()) { // asked by a user: if it is not, the memory stays
        throw_array_gone(name);
    }
    if (is_new) {
        here.keep_open(std::move(memory));
    }
    return array;
}

void forget_unused_arrays() noexcept {
    try {
        all_arrays().forget_unused();
    } catch (const std::bad_alloc&) { // they stay
    }
}

} // namespace multiprocessing::detail
