// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include "ipc/named_object.hpp"

#include "os/copy.hpp"
#include "os/descriptor.hpp"

#include <multiprocessing/error.hpp>
#include <multiprocessing/synchronization.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

namespace multiprocessing::detail {
namespace {

/// In front of the state, which is aligned as this is.
struct alignas(64) object_header {
    std::array<char, 24> kind{};

    explicit object_header(const object_kind& is) { is.name.copy(kind.data(), kind.size()); }
    [[nodiscard]] bool is_of(const object_kind& expected) const {
        return kind == object_header(expected).kind;
    }
};

/// How many objects of others a process keeps open for the next handle that it receives: opening one costs
/// some system calls. A task rarely uses more.
constexpr std::size_t most_kept_open = 16;

/// The objects that this process has mapped. Thread-safe.
class objects_here {
public:
    static objects_here& get() { return os::one_per_process<objects_here>(); }

    void add(const std::shared_ptr<named_object>& object) {
        const std::lock_guard lock(mutex_);
        objects_[object->name()] = object;
    }
    /// Opened under the mutex: two mappings of one mutex would be two things to keep mapped while it is held.
    std::shared_ptr<named_object> find_or_open(const object_kind& kind, const std::string& name) {
        std::shared_ptr<named_object> dropped; // they outlive the lock, which their destructor takes
        std::shared_ptr<named_object> object;
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(name);
        if (found != objects_.end()) {
            object = found->second.lock();
        }
        const auto kept = std::ranges::find(kept_, object);
        if (object == nullptr) {
            object = std::make_shared<named_object>(kind, name);
            objects_[name] = object;
            dropped = std::exchange(kept_.back(), object);
            std::rotate(kept_.begin(), kept_.end() - 1, kept_.end());
        } else if (kept != kept_.end()) {
            constexpr long kept_only = 2; // here and in the list
            if (object.use_count() == kept_only && !name_exists(name)) {
                kept->reset();
                throw_gone(name);
            }
            std::rotate(kept_.begin(), kept, kept + 1);
        }
        object->expect(kind);
        return object;
    }
    /// Unless it has been opened again in the meantime.
    void forget(const std::string& name) noexcept {
        const std::lock_guard lock(mutex_);
        const auto found = objects_.find(name);
        if (found != objects_.end() && found->second.expired()) {
            objects_.erase(found);
        }
    }

private:
    std::mutex mutex_; // guards what follows
    std::map<std::string, std::weak_ptr<named_object>> objects_;
    std::array<std::shared_ptr<named_object>, most_kept_open> kept_; // the last used one first
};

std::unique_ptr<named_memory> open_memory(const std::string& name) {
    try {
        return std::make_unique<named_memory>(named_memory::open(name));
    } catch (const resource_error& e) {
        if (e.code() != std::errc::no_such_file_or_directory) {
            throw;
        }
        throw_gone(name);
    }
}

} // namespace

named_object::named_object(const object_kind& kind, std::size_t size)
    : own_name_('-' + std::string(kind.name)),
      name_(own_name_.text()),
      kind_(kind),
      memory_(std::make_unique<named_memory>(named_memory::create(name_, sizeof(object_header) + size))),
      data_(memory_->data() + sizeof(object_header)) {
    ::new (memory_->data()) object_header(kind);
    memory_->close_descriptor(); // descriptors are scarce, and it is mapped
}

named_object::named_object(const object_kind& kind, const std::string& name)
    : name_(name), kind_(kind), memory_(open_memory(name)), data_(memory_->data() + sizeof(object_header)) {
    expect(kind);
    memory_->close_descriptor();
}

named_object::~named_object() {
    objects_here::get().forget(name_);
    if (kind_.is_held_here != nullptr && kind_.is_held_here(data())) {
        // The system's list of what a thread holds goes through this memory. It gives the lock on when the
        // thread ends, or somebody unlocks it through another handle.
        os::abandon(memory_.release());
    }
}

void named_object::expect(const object_kind& kind) const {
    const bool is_whole = memory_->size() >= sizeof(object_header) + kind.least_size;
    if (!is_whole || !std::launder(reinterpret_cast<const object_header*>(memory_->data()))->is_of(kind)) {
        throw decode_failed("a " + std::string(kind.name) + " is announced that is something else");
    }
}

std::size_t named_object::size() const {
    return memory_->size() - sizeof(object_header);
}

std::shared_ptr<named_object> make_object(const object_kind& kind, std::size_t size) {
    auto object = std::make_shared<named_object>(kind, size);
    objects_here::get().add(object);
    return object;
}

std::shared_ptr<named_object> open_object(const object_kind& kind, const std::string& name) {
    return objects_here::get().find_or_open(kind, name);
}

object_handle::object_handle(std::shared_ptr<named_object> object) : object_(std::move(object)) {}

const std::string& object_handle::name() const noexcept {
    return object_->name();
}

} // namespace multiprocessing::detail
