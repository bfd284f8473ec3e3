// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Who holds a mutex, waits, or is in the middle of anything is killed: the others get what they wait for, or
// one clear error. All of it happens in copies of an experiment's process, which somebody has forked.
#include "support/leaves_nothing.hpp"
#include "support/scarce.hpp"

#include <array>
#include <csignal>
#include <mutex>
#include <random>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

using namespace scarce;

namespace {

/// Exit codes of copies.
enum ending { orderly = 0, hung = 3, found_it_broken = 4, inconsistent = 5, other_error = 6 };

template <class Action>
pid_t in_a_copy(const Action& action) {
    const auto copy = ::fork();
    if (copy == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        ::close(STDERR_FILENO); // a leak checker would tell of what belongs to threads that are not here
        try {
            action();
        } catch (const mp::broken_barrier&) {
            ::_exit(found_it_broken);
        } catch (...) {
            ::_exit(other_error);
        }
        ::_exit(orderly);
    }
    return copy;
}

/// -N when signal N ended it.
int end_of(pid_t copy) {
    int status = 0;
    ::waitpid(copy, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// The same, of one that is to end by itself.
int end_in_time_of(pid_t copy) {
    if (!eventually([&] { return look_at(copy).state == 'Z'; })) {
        kill_process(copy);
        (void)end_of(copy);
        return hung;
    }
    return end_of(copy);
}

void expect_end(pid_t copy, int expected, const std::string& context) {
    const auto end = end_in_time_of(copy);
    expect(end == expected, wrong_value, context + " ended with " + std::to_string(end));
}

void kill_now(pid_t copy, const std::string& context) {
    kill_process(copy);
    const auto end = end_of(copy);
    expect(end == -SIGKILL, wrong_value, context + " had ended before, with " + std::to_string(end));
}

void wait_until_asleep(pid_t copy) {
    expect(eventually([&] { return look_at(copy).state == 'S'; }), wrong_value, "a waiter does not sleep");
}

class random_instants {
public:
    void wait() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 500);
        while (std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
    }
    std::size_t one_of(std::size_t count) { return random_() % count; }

private:
    std::minstd_rand random_{1};
};

/// Copies that do the same again and again. One of them is killed now and then, and replaced.
template <class Action>
class users {
public:
    explicit users(const Action& once) : once_(once) {
        for (auto& each : copies_) {
            each = start();
        }
    }
    void kill_one_at_a_random_instant() {
        instants_.wait();
        auto& victim = copies_[instants_.one_of(copies_.size())];
        kill_now(victim, "a user");
        victim = start();
    }
    void kill_all() {
        for (const auto each : copies_) {
            kill_now(each, "a user");
        }
    }

private:
    pid_t start() const {
        return in_a_copy([&] {
            for (;;) {
                once_();
                std::this_thread::yield(); // a mutex is not fair
            }
        });
    }

    const Action& once_;
    std::array<pid_t, 2> copies_{};
    random_instants instants_;
};

// Holders

/// Two numbers that are equal whenever nobody is in the middle of adding to them, and how often somebody died
/// there.
class guarded_pair {
public:
    void add_one() const {
        add(sums_[0]);
        std::this_thread::yield(); // more die in the middle
        add(sums_[1]);
    }
    void mend_after_a_death() const {
        std::atomic_ref(sums_[1]).store(sums_[0]);
        add(sums_[2]);
    }
    [[nodiscard]] bool is_consistent() const { return sums_[0] == sums_[1]; }
    [[nodiscard]] long deaths() const { return sums_[2]; }

private:
    static void add(long& number) { std::atomic_ref(number).store(number + 1); } // as another process sees it

    mp::shared_array<long> sums_{3};
};

template <class Mutex, int kills>
void kill_holders() {
    Mutex mutex;
    const guarded_pair pair;
    const auto use = [&] {
        const std::unique_lock lock(mutex, hang_limit);
        if (!lock.owns_lock()) {
            ::_exit(hung);
        }
        if (mutex.owner_died()) {
            pair.mend_after_a_death();
        }
        if (!pair.is_consistent()) {
            ::_exit(inconsistent);
        }
        pair.add_one();
    };
    users everybody(use);
    for (int i = 0; i != kills; ++i) {
        everybody.kill_one_at_a_random_instant();
        use();
    }
    everybody.kill_all();
    use();
    expect(pair.deaths() > kills / 100, never_worked, "nobody ever died in the middle");
}

void destroy_in_a_copy_what_the_original_holds() {
    mp::mutex mutex;
    mutex.lock();
    expect_end(in_a_copy([handle = &mutex] {
                   expect(!handle->try_lock(), wrong_value, "the copy has the mutex");
                   try {
                       handle->unlock();
                       ::_exit(inconsistent);
                   } catch (const std::system_error&) {
                   }
                   handle->~mutex();
               }),
               orderly, "the copy");
    expect(names_of(::getpid()).size() == 1, wrong_value, "the copy has removed the name");
    expect_end(in_a_copy([&] {
                   if (mutex.try_lock()) {
                       ::_exit(inconsistent);
                   }
               }),
               orderly, "the second copy");
    mutex.unlock();
    expect_end(in_a_copy([&] { mutex.lock(); }), orderly, "the third copy"); // and leaves
    mutex.lock();
    expect(mutex.owner_died(), wrong_value, "nothing is known of the third copy's end");
    mutex.unlock();
}

// Waiters

template <void (*experiment)()>
void several_times() {
    for (int i = 0; i != 5; ++i) {
        experiment();
    }
}

/// Two wait, and `wake` lets one go on. It is the first that the system wakes, who is killed before it has
/// run at all: there is one processor, which it gets when nobody else wants it.
template <class Wait, class Wake>
void kill_who_was_woken(const Wait& wait, const Wake& wake) {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(::sched_getcpu(), &one);
    ::sched_setaffinity(0, sizeof one, &one);
    const auto victim = in_a_copy([&] {
        const sched_param none{};
        ::sched_setscheduler(0, SCHED_IDLE, &none);
        wait();
        ::pause();
    });
    wait_until_asleep(victim);
    const auto other = in_a_copy(wait);
    wait_until_asleep(other);
    wake([&] {
        kill_process(victim);
        (void)end_of(victim);
    });
    expect_end(other, orderly, "the other waiter");
}

void kill_who_was_to_have_a_mutex() {
    mp::mutex mutex;
    mutex.lock();
    kill_who_was_woken([&] { const std::scoped_lock lock(mutex); },
                       [&](const auto& kill) {
                           mutex.unlock();
                           const bool is_taken = mutex.try_lock(); // who sees nobody wait
                           kill();
                           if (is_taken) {
                               mutex.unlock();
                           }
                       });
}

void kill_who_was_to_have_a_unit() {
    mp::counting_semaphore semaphore(0);
    kill_who_was_woken([&] { semaphore.acquire(); },
                       [&](const auto& kill) {
                           semaphore.release();
                           kill();
                       });
}

void kill_who_was_notified() {
    mp::mutex mutex;
    mp::condition_variable condition;
    const auto wait = [&] {
        std::unique_lock lock(mutex);
        condition.wait(lock);
    };
    kill_who_was_woken(wait, [&](const auto& kill) {
        condition.notify_one();
        kill();
    });
}

void kill_who_waits_for_an_event() {
    mp::event event;
    kill_who_was_woken([&] { event.wait(); },
                       [&](const auto& kill) {
                           event.set();
                           event.clear();
                           kill();
                       });
}

// Parties

void kill_a_party_that_waits() {
    mp::barrier barrier(4);
    for (std::size_t victim = 0; victim != 3; ++victim) {
        std::array<pid_t, 3> parties{};
        for (auto& each : parties) {
            each = in_a_copy([&] { barrier.arrive_and_wait(); });
        }
        expect(eventually([&] { return barrier.waiting() == 3; }), wrong_value, "they do not come");
        kill_now(parties[victim], "a party");
        for (std::size_t i = 0; i != 3; ++i) {
            if (i != victim) {
                expect_end(parties[i], found_it_broken, "a party");
            }
        }
        expect(barrier.broken(), wrong_value, "the barrier is whole");
        barrier.reset();
    }
    // One who has died is missed also by who comes last.
    const auto lonely = in_a_copy([&] { barrier.arrive_and_wait(); });
    const auto with_it = in_a_copy([&] { barrier.arrive_and_wait(); });
    const auto victim = in_a_copy([&] { barrier.arrive_and_wait(); });
    expect(eventually([&] { return barrier.waiting() == 3; }), wrong_value, "they do not come");
    kill_now(victim, "a party");
    try {
        barrier.arrive_and_wait();
        end(wrong_value, "the barrier does not miss the dead one");
    } catch (const mp::broken_barrier& e) {
        expect(contains(e.what(), "died"), wrong_value, e.what());
    }
    expect_end(lonely, found_it_broken, "a party");
    expect_end(with_it, found_it_broken, "a party");
}

void kill_parties_at_random_instants() {
    mp::barrier barrier(3);
    random_instants instants;
    for (int i = 0; i != 20; ++i) {
        std::array<pid_t, 3> parties{};
        for (auto& each : parties) {
            each = in_a_copy([&] {
                for (;;) { // who dies between two rounds is not missed
                    (void)barrier.arrive_and_wait_for(300ms);
                }
            });
        }
        instants.wait();
        kill_now(parties[0], "a party");
        expect_end(parties[1], found_it_broken, "a party");
        expect_end(parties[2], found_it_broken, "a party");
        barrier.reset();
    }
}

// In the middle of anything

void kill_users_of_everything() {
    mp::mutex mutex;
    mp::condition_variable condition;
    mp::counting_semaphore semaphore(2);
    mp::event event;
    const mp::shared_array<long> turns(1);
    const auto use = [&] {
        semaphore.acquire();
        std::unique_lock lock(mutex);
        turns[0] += 1;
        condition.notify_one();
        (void)condition.wait_for(lock, 100us);
        lock.unlock();
        event.set();
        event.clear();
        (void)event.wait_for(10us);
        semaphore.release();
    };
    users everybody(use);
    for (int i = 0; i != 300; ++i) {
        everybody.kill_one_at_a_random_instant();
        semaphore.release(); // who was killed may have kept one
        std::unique_lock lock(mutex, hang_limit);
        expect(lock.owns_lock(), wrong_value, "the mutex hangs");
        const auto before = turns[0];
        expect(condition.wait_for(lock, hang_limit, [&] { return turns[0] != before; }), wrong_value,
               "nobody goes on");
    }
    everybody.kill_all();
    semaphore.release();
    expect(semaphore.try_acquire_for(hang_limit), wrong_value, "the semaphore hangs");
}

// Rubbish

/// What other processes see of everything that this one has made.
void write_rubbish(std::minstd_rand& random) {
    for (const auto& name : names_of(::getpid())) {
        const shared<std::array<unsigned char, 256>> memory("/dev/shm/" + name);
        const auto pattern = random() % 3;
        for (auto& each : *memory) {
            each = pattern == 0 ? 0xff : static_cast<unsigned char>(random() >> 8);
        }
    }
}

void use_what_is_rubbish() {
    mp::counting_semaphore semaphore(1);
    mp::event event;
    mp::condition_variable condition;
    mp::barrier barrier(2);
    std::minstd_rand random(1);
    for (int i = 0; i != 200; ++i) {
        write_rubbish(random);
        (void)semaphore.try_acquire_for(1ms);
        try {
            semaphore.release();
        } catch (const std::logic_error&) { // more than the maximum
        }
        (void)event.wait_for(1ms);
        event.set();
        event.clear();
        condition.notify_one();
        condition.notify_all();
        try {
            (void)barrier.arrive_and_wait_for(1ms);
        } catch (const mp::broken_barrier&) {
        }
        barrier.abort();
        barrier.reset();
        expect(barrier.parties() == 2, wrong_value, "the memory is believed");
    }
}

// Makers

void make_and_stay(mp::queue<mp::mutex> out) {
    mp::mutex mutex;
    mutex.lock();
    out.put(mutex);
    stay();
}

void make_without_room() {
    const auto descriptors = open_descriptors();
    allow(RLIMIT_FSIZE, 10); // refused, and no SIGXFSZ
    const auto refused = [](const auto& make) {
        expect(!succeeds(make, "without room"), ran_all_the_same, "");
    };
    refused([] { mp::mutex(); });
    refused([] { mp::recursive_mutex(); });
    refused([] { mp::counting_semaphore(1); });
    refused([] { mp::condition_variable(); });
    refused([] { mp::event(); });
    refused([] { mp::barrier(2); });
    expect_nothing_left(descriptors, "without room");
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(synchronization, leaves_nothing)

BOOST_AUTO_TEST_CASE(a_killed_holder_leaves_the_mutex_and_the_news) {
    check(kill_holders<mp::mutex, 1000>);
}

BOOST_AUTO_TEST_CASE(a_killed_holder_leaves_the_recursive_mutex_and_the_news) {
    check(kill_holders<mp::recursive_mutex, 200>);
}

BOOST_AUTO_TEST_CASE(a_forked_copy_does_not_hold_what_its_original_holds) {
    check(destroy_in_a_copy_what_the_original_holds);
}

BOOST_AUTO_TEST_CASE(who_is_killed_before_it_has_the_mutex_does_not_cost_another_its_turn) {
    check(several_times<kill_who_was_to_have_a_mutex>);
}

BOOST_AUTO_TEST_CASE(who_is_killed_before_it_has_a_unit_does_not_cost_another_its_turn) {
    check(several_times<kill_who_was_to_have_a_unit>);
}

BOOST_AUTO_TEST_CASE(who_is_killed_when_it_was_notified_does_not_keep_the_notification) {
    check(several_times<kill_who_was_notified>);
}

BOOST_AUTO_TEST_CASE(who_is_killed_while_it_waits_for_an_event_disturbs_nobody) {
    check(several_times<kill_who_waits_for_an_event>);
}

BOOST_AUTO_TEST_CASE(a_party_that_is_killed_breaks_the_barrier_for_all) {
    check(kill_a_party_that_waits);
}

BOOST_AUTO_TEST_CASE(parties_killed_at_any_instant_leave_nobody_waiting) {
    check(kill_parties_at_random_instants);
}

BOOST_AUTO_TEST_CASE(users_killed_at_any_instant_keep_nobody_from_going_on) {
    check(kill_users_of_everything);
}

BOOST_AUTO_TEST_CASE(rubbish_in_their_memory_hangs_and_crashes_nobody) {
    check(use_what_is_rubbish);
}

BOOST_AUTO_TEST_CASE(a_killed_makers_mutex_is_its_users_and_has_no_name) {
    mp::queue<mp::mutex> mutexes(1);
    mp::process maker(make_and_stay, mutexes);
    maker.start();
    const auto pid = maker.pid();
    auto mutex = mutexes.get();
    BOOST_TEST(!mutex.try_lock());
    maker.kill();
    maker.join();
    start_a_program();
    BOOST_TEST(names_of(pid).empty());
    BOOST_TEST(mutex.try_lock_for(hang_limit));
    BOOST_TEST(mutex.owner_died());
    mutex.unlock();
    mp::pool pool(1);
    BOOST_CHECK_THROW(pool.apply([](mp::mutex m) { return m.try_lock(); }, mutex), mp::resource_error);
}

BOOST_AUTO_TEST_CASE(no_room_is_an_error_that_leaves_nothing) {
    check(make_without_room);
}

BOOST_AUTO_TEST_SUITE_END()
