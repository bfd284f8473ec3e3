// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/synchronization.hpp>

#include <multiprocessing/pool.hpp>
#include <multiprocessing/process.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/shared_memory.hpp>

#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <boost/test/unit_test.hpp>
#include <mutex>
#include <set>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

using namespace fault;

namespace {

/// Short enough to wait for.
constexpr auto a_moment = 20ms;

auto has_code(std::errc code) {
    return [=](const std::system_error& e) { return e.code() == code; };
}

template <class Action>
void in_a_thread(const Action& action) {
    std::thread(action).join();
}

// Tasks

struct account {
    mp::mutex mutex{};
    mp::shared_array<long> balance{1};
};

void deposit(account to, int times) {
    for (int i = 0; i != times; ++i) {
        const std::scoped_lock lock(to.mutex);
        to.balance[0] += 1;
    }
}

struct monitor {
    mp::recursive_mutex mutex{};
    mp::condition_variable changed{};
    mp::shared_array<int> turn{1};
};

void take_turns(monitor m, int own, int rounds) {
    for (int i = 0; i != rounds; ++i) {
        const std::scoped_lock outer(m.mutex);
        std::unique_lock lock(m.mutex);
        m.changed.wait(lock, [&] { return m.turn[0] == own; });
        m.turn[0] = 1 - own;
        m.changed.notify_one();
    }
}

void answer(mp::event question, mp::event reply, int times) {
    for (int i = 0; i != times; ++i) {
        question.wait();
        question.clear();
        reply.set();
    }
}

void cross(mp::barrier barrier, mp::shared_array<long> crossed, std::size_t self, int rounds) {
    for (int i = 0; i != rounds; ++i) {
        crossed[self] = i;
        barrier.arrive_and_wait();
        for (const auto& each : crossed) {
            if (each != i) {
                std::exit(3);
            }
        }
        barrier.arrive_and_wait();
    }
}

long lock_and_leave(mp::mutex mutex) {
    mutex.lock();
    return ::getpid();
}
void unlock_it(mp::mutex mutex) {
    mutex.unlock();
}
void lock_in_a_row(mp::queue<mp::mutex> mutexes) {
    for (auto& mutex : mutexes) {
        mutex.lock();
    }
}
mp::event make_one() {
    return {};
}
int use_all(mp::mutex m, mp::recursive_mutex r, mp::counting_semaphore s, mp::event e,
            mp::condition_variable c, mp::barrier b) {
    const std::scoped_lock lock(m, r);
    s.acquire();
    e.set();
    c.notify_all();
    return static_cast<int>(b.arrive_and_wait());
}

template <class Handle>
bool survives_the_way(const Handle& handle) {
    return mp::decode<Handle>(mp::encode(handle)) == handle;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(synchronization, leaves_nothing)

// Handles

BOOST_AUTO_TEST_CASE(a_copy_is_the_same_object) {
    mp::event first;
    auto second = first;
    second.set();
    BOOST_TEST(first.is_set());
    BOOST_TEST((first == second));
    BOOST_TEST((first != mp::event()));
    auto third = std::move(second); // NOLINT: there is no handle to nothing
    BOOST_TEST(second.is_set());
    BOOST_TEST(third.is_set());
}

BOOST_AUTO_TEST_CASE(a_handle_that_comes_back_is_to_the_same_object) {
    BOOST_TEST(survives_the_way(mp::mutex()));
    BOOST_TEST(survives_the_way(mp::recursive_mutex()));
    BOOST_TEST(survives_the_way(mp::counting_semaphore(1)));
    BOOST_TEST(survives_the_way(mp::event()));
    BOOST_TEST(survives_the_way(mp::condition_variable()));
    BOOST_TEST(survives_the_way(mp::barrier(3)));
    mp::mutex mutex;
    auto same = mp::decode<mp::mutex>(mp::encode(mutex));
    mutex.lock();
    same.unlock();
    BOOST_TEST(mutex.try_lock());
    mutex.unlock();
}

BOOST_AUTO_TEST_CASE(a_handle_to_something_else_or_nothing_is_an_error) {
    const mp::mutex mutex;
    BOOST_CHECK_THROW((void)mp::decode<mp::event>(mp::encode(mutex)), mp::decode_failed);
    BOOST_CHECK_THROW((void)mp::decode<mp::recursive_mutex>(mp::encode(mutex)), mp::decode_failed);
    const mp::shared_array<char> array(10);
    auto name = mp::encode(array);
    name.erase(name.begin(), name.begin() + sizeof(std::uint64_t));
    BOOST_CHECK_THROW((void)mp::decode<mp::barrier>(name), mp::decode_failed);
    const auto gone = mp::encode(mp::mutex());
    BOOST_CHECK_THROW((void)mp::decode<mp::mutex>(gone), mp::resource_error);
    mp::pool pool(1);
    BOOST_CHECK_THROW(pool.apply(make_one), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(takes_a_page_and_no_descriptor) {
    const auto descriptors = [] {
        const std::filesystem::directory_iterator open("/proc/self/fd");
        return std::distance(begin(open), std::filesystem::directory_iterator());
    };
    const auto before = descriptors();
    {
        const std::vector<mp::mutex> mutexes(1);
        std::vector<mp::event> events;
        for (int i = 0; i != 1000; ++i) {
            events.emplace_back();
        }
        BOOST_TEST(descriptors() == before);
        BOOST_TEST(names_of(::getpid()).size() == 1001U);
        for (const auto& name : names_of(::getpid())) {
            BOOST_REQUIRE(std::filesystem::file_size("/dev/shm/" + name) <= 4096);
        }
    }
    BOOST_TEST(names_of(::getpid()).empty());
}

BOOST_AUTO_TEST_CASE(all_of_them_are_arguments_of_tasks) {
    mp::pool pool(1);
    const mp::event event;
    const mp::counting_semaphore units(1);
    BOOST_TEST(pool.apply(use_all, mp::mutex(), mp::recursive_mutex(), units, event, mp::condition_variable(),
                          mp::barrier(1)) == 0);
    BOOST_TEST(event.is_set());
    BOOST_TEST(units.value() == 0);
}

// Mutexes

BOOST_AUTO_TEST_CASE(a_mutex_keeps_other_threads_out) {
    mp::mutex mutex;
    {
        const std::scoped_lock lock(mutex);
        in_a_thread([&] {
            BOOST_TEST(!mutex.try_lock());
            BOOST_TEST(!mutex.try_lock_for(a_moment));
            BOOST_TEST(!mutex.try_lock_until(std::chrono::system_clock::now() + a_moment));
            BOOST_TEST(!mutex.try_lock_for(-1h));
        });
        BOOST_TEST(!mutex.owner_died());
    }
    in_a_thread([&] {
        BOOST_TEST(mutex.try_lock_for(hang_limit));
        mutex.unlock();
    });
    const std::unique_lock lock(mutex, hang_limit);
    BOOST_TEST(lock.owns_lock());
}

BOOST_AUTO_TEST_CASE(misuse_of_a_mutex_is_an_error_and_no_hang) {
    mp::mutex mutex;
    BOOST_CHECK_EXCEPTION(mutex.unlock(), std::system_error, has_code(std::errc::operation_not_permitted));
    const std::scoped_lock lock(mutex);
    BOOST_CHECK_EXCEPTION(mutex.lock(), std::system_error,
                          has_code(std::errc::resource_deadlock_would_occur));
    BOOST_TEST(!mutex.try_lock());
    in_a_thread([&] {
        BOOST_CHECK_EXCEPTION(mutex.unlock(), std::system_error,
                              has_code(std::errc::operation_not_permitted));
    });
}

BOOST_AUTO_TEST_CASE(a_recursive_mutex_counts) {
    mp::recursive_mutex mutex;
    mutex.lock();
    BOOST_TEST(mutex.try_lock());
    BOOST_TEST(mutex.try_lock_for(a_moment));
    for (int i = 0; i != 3; ++i) {
        in_a_thread([&] { BOOST_TEST(!mutex.try_lock()); });
        mutex.unlock();
    }
    BOOST_CHECK_EXCEPTION(mutex.unlock(), std::system_error, has_code(std::errc::operation_not_permitted));
    in_a_thread([&] {
        BOOST_TEST(mutex.try_lock());
        mutex.unlock();
    });
}

BOOST_AUTO_TEST_CASE(processes_take_turns_at_a_mutex) {
    const account shared;
    mp::process first(deposit, shared, 20'000);
    mp::process second(deposit, shared, 20'000);
    first.start();
    second.start();
    deposit(shared, 20'000);
    first.join();
    second.join();
    BOOST_TEST(shared.balance[0] == 60'000);
}

BOOST_AUTO_TEST_CASE(a_thread_that_ends_with_a_mutex_leaves_it_to_the_next) {
    mp::mutex mutex;
    in_a_thread([&] { mutex.lock(); });
    mutex.lock();
    BOOST_TEST(mutex.owner_died());
    in_a_thread([&] { BOOST_TEST(!mutex.owner_died()); });
    mutex.unlock();
    BOOST_TEST(!mutex.owner_died());
    mutex.lock();
    BOOST_TEST(!mutex.owner_died());
    mutex.unlock();
}

BOOST_AUTO_TEST_CASE(a_task_may_leave_a_mutex_locked) {
    mp::mutex mutex;
    mp::pool pool(1);
    (void)pool.apply(lock_and_leave, mutex);
    BOOST_TEST(!mutex.try_lock());
    pool.apply(unlock_it, mutex);
    BOOST_TEST(mutex.try_lock());
    BOOST_TEST(!mutex.owner_died());
    mutex.unlock();
    kill_process(pool.apply(lock_and_leave, mutex));
    BOOST_TEST(mutex.try_lock_for(hang_limit));
    BOOST_TEST(mutex.owner_died());
    mutex.unlock();
}

BOOST_AUTO_TEST_CASE(mutexes_travel_through_queues) {
    mp::queue<mp::mutex> mutexes(10);
    std::vector<mp::mutex> sent(3);
    for (const auto& each : sent) {
        mutexes.put(each);
    }
    mutexes.close();
    mp::process holder(lock_in_a_row, mutexes);
    holder.start();
    holder.join();
    for (auto& each : sent) {
        BOOST_TEST(each.try_lock());
        BOOST_TEST(each.owner_died());
        each.unlock();
    }
}

// Semaphores

BOOST_AUTO_TEST_CASE(a_semaphore_has_as_many_units_as_were_given) {
    mp::counting_semaphore semaphore(2);
    BOOST_TEST(semaphore.try_acquire());
    semaphore.acquire();
    BOOST_TEST(!semaphore.try_acquire());
    BOOST_TEST(!semaphore.try_acquire_for(a_moment));
    BOOST_TEST(!semaphore.try_acquire_until(std::chrono::steady_clock::now() + a_moment));
    semaphore.release(3);
    BOOST_TEST(semaphore.value() == 3);
    semaphore.release(0);
    BOOST_TEST(semaphore.value() == 3);
}

BOOST_AUTO_TEST_CASE(a_semaphore_refuses_what_it_cannot_count) {
    BOOST_CHECK_THROW(mp::counting_semaphore(-1), std::invalid_argument);
    BOOST_CHECK_THROW(mp::counting_semaphore(0, 0), std::invalid_argument);
    BOOST_CHECK_THROW(mp::counting_semaphore(3, 2), std::invalid_argument);
    BOOST_CHECK_THROW(mp::counting_semaphore(0, mp::counting_semaphore::max() + 1), std::invalid_argument);
    mp::counting_semaphore bounded(1, 2);
    BOOST_CHECK_THROW(bounded.release(-1), std::invalid_argument);
    BOOST_CHECK_THROW(bounded.release(2), std::logic_error);
    BOOST_TEST(bounded.value() == 1);
    bounded.release();
    BOOST_CHECK_THROW(bounded.release(), std::logic_error);
    mp::counting_semaphore full(mp::counting_semaphore::max());
    BOOST_CHECK_THROW(full.release(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(one_release_lets_many_acquire) {
    mp::counting_semaphore semaphore(0);
    std::vector<std::thread> threads;
    for (int i = 0; i != 5; ++i) {
        threads.emplace_back([&] { semaphore.acquire(); });
    }
    semaphore.release(5);
    for (auto& each : threads) {
        each.join();
    }
    BOOST_TEST(semaphore.value() == 0);
}

// Events

BOOST_AUTO_TEST_CASE(an_event_is_waited_for_until_it_is_set) {
    mp::event event;
    BOOST_TEST(!event.is_set());
    BOOST_TEST(!event.wait_for(a_moment));
    BOOST_TEST(!event.wait_until(std::chrono::system_clock::now() + a_moment));
    event.set();
    event.set();
    event.wait();
    BOOST_TEST(event.wait_for(0s));
    event.clear();
    BOOST_TEST(!event.is_set());
    BOOST_TEST(!event.wait_for(0s));
}

BOOST_AUTO_TEST_CASE(an_event_that_is_cleared_at_once_lets_go_on_who_waited) {
    mp::event event;
    std::atomic<int> gone_on{0};
    std::vector<std::thread> threads;
    for (int i = 0; i != 3; ++i) {
        threads.emplace_back([&] {
            event.wait();
            ++gone_on;
        });
    }
    BOOST_TEST(eventually([&] { // until all have come
        event.set();
        event.clear();
        return gone_on == 3;
    }));
    for (auto& each : threads) {
        each.join();
    }
}

BOOST_AUTO_TEST_CASE(processes_answer_each_other_by_events) {
    mp::event question;
    mp::event reply;
    mp::process other(answer, question, reply, 1000);
    other.start();
    for (int i = 0; i != 1000; ++i) {
        question.set();
        BOOST_TEST_REQUIRE(reply.wait_for(hang_limit));
        reply.clear();
    }
    other.join();
}

// Condition variables

BOOST_AUTO_TEST_CASE(processes_take_turns_by_a_condition) {
    const monitor m;
    mp::process other(take_turns, m, 1, 1000);
    other.start();
    take_turns(m, 0, 1000);
    other.join();
    BOOST_TEST(other.exit_code().value() == 0);
    BOOST_TEST(m.turn[0] == 0);
}

BOOST_AUTO_TEST_CASE(a_wait_for_a_condition_has_a_limit) {
    mp::mutex mutex;
    mp::condition_variable condition;
    std::unique_lock lock(mutex);
    BOOST_TEST((condition.wait_for(lock, a_moment) == std::cv_status::timeout));
    BOOST_TEST(!condition.wait_for(lock, a_moment, [] { return false; }));
    BOOST_TEST(
        !condition.wait_until(lock, std::chrono::system_clock::now() + a_moment, [] { return false; }));
    BOOST_TEST(condition.wait_for(lock, 0s, [] { return true; }));
    in_a_thread([&] { BOOST_TEST(!mutex.try_lock()); });
    lock.unlock();
    BOOST_CHECK_EXCEPTION(condition.wait(lock), std::system_error,
                          has_code(std::errc::operation_not_permitted));
}

BOOST_AUTO_TEST_CASE(all_are_notified) {
    mp::mutex mutex;
    mp::condition_variable condition;
    std::atomic<int> waiting{0};
    bool is_time = false;
    std::vector<std::thread> threads;
    for (int i = 0; i != 4; ++i) {
        threads.emplace_back([&] {
            std::unique_lock lock(mutex);
            ++waiting;
            condition.wait(lock, [&] { return is_time; });
        });
    }
    BOOST_TEST(eventually([&] { return waiting == 4; }));
    {
        const std::scoped_lock lock(mutex); // so that all of them wait, and none is on its way
        is_time = true;
    }
    condition.notify_all();
    for (auto& each : threads) {
        each.join();
    }
}

// Barriers

BOOST_AUTO_TEST_CASE(processes_meet_at_a_barrier) {
    const mp::barrier barrier(3);
    const mp::shared_array<long> crossed(3);
    mp::process first(cross, barrier, crossed, std::size_t{0}, 300);
    mp::process second(cross, barrier, crossed, std::size_t{1}, 300);
    first.start();
    second.start();
    cross(barrier, crossed, 2, 300);
    first.join();
    second.join();
    BOOST_TEST(first.exit_code().value() == 0);
    BOOST_TEST(second.exit_code().value() == 0);
}

BOOST_AUTO_TEST_CASE(each_party_gets_a_number) {
    mp::barrier barrier(4);
    std::array<std::atomic<std::size_t>, 4> numbers{};
    std::vector<std::thread> threads;
    for (auto& each : numbers) {
        threads.emplace_back([&] { each = barrier.arrive_and_wait(); });
    }
    for (auto& each : threads) {
        each.join();
    }
    BOOST_TEST((std::set<std::size_t>(numbers.begin(), numbers.end()) == std::set<std::size_t>{0, 1, 2, 3}));
    BOOST_TEST(barrier.waiting() == 0U);
    BOOST_TEST(barrier.parties() == 4U);
    BOOST_CHECK_THROW(mp::barrier(0), std::invalid_argument);
    BOOST_CHECK_THROW(mp::barrier(mp::barrier::max() + 1), std::invalid_argument);
    BOOST_TEST(mp::barrier(1).arrive_and_wait() == 0U);
}

BOOST_AUTO_TEST_CASE(a_barrier_breaks_for_all_and_is_mended) {
    mp::barrier barrier(3);
    const auto expect_broken = [&](const auto& how, const char* why) {
        std::string said;
        std::thread other([&] {
            try {
                barrier.arrive_and_wait();
            } catch (const mp::broken_barrier& e) {
                said = e.what();
            }
        });
        BOOST_TEST(eventually([&] { return barrier.waiting() == 1; }));
        how();
        other.join();
        BOOST_TEST(contains(said, why), said);
    };
    expect_broken([&] { barrier.abort(); }, "abort");
    BOOST_TEST(barrier.broken());
    BOOST_CHECK_THROW(barrier.arrive_and_wait(), mp::broken_barrier);
    barrier.reset();
    BOOST_TEST(!barrier.broken());
    expect_broken([&] { barrier.reset(); }, "reset");
    BOOST_TEST(!barrier.broken());
    expect_broken([&] { BOOST_CHECK_THROW((void)barrier.arrive_and_wait_for(a_moment), mp::broken_barrier); },
                  "as long as it wanted");
    BOOST_TEST(barrier.broken());
}

BOOST_AUTO_TEST_SUITE_END()
