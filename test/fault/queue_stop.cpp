// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Users of a queue are stopped. The others go on, or all get queue_broken; nobody waits for the stopped one.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <algorithm>
#include <array>
#include <random>

using namespace fault;

namespace {

/// Large enough for an operation to be mostly copying, so that some of the stops are inside one.
using block = std::array<char, 60'000>;
using blocks = mp::queue<block>;

/// Exit codes of those who use a queue until it is closed.
enum ending { orderly = 0, found_it_broken = 3 };

constexpr std::size_t users = 4;

/// How many operations each user has done.
struct ledger {
    std::array<std::atomic<std::uint64_t>, users> done;
};

void use(blocks queue, const std::string& path, std::size_t user) {
    const shared<ledger> book(path);
    try {
        for (;; ++book->done.at(user)) {
            if (user % 2 == 0) {
                queue.put(block{});
            } else {
                (void)queue.get();
            }
        }
    } catch (const mp::queue_closed&) {
        std::exit(orderly);
    } catch (const mp::queue_broken&) {
        std::exit(found_it_broken);
    }
}

/// Two writers and two readers, of whom one at a time is stopped.
class experiment {
public:
    explicit experiment(unsigned seed) : random_(seed), context_("seed " + std::to_string(seed)) {
        for (std::size_t user = 0; user != users; ++user) {
            processes_.emplace_back(use, queue_, file_.path(), user).start();
        }
        BOOST_TEST_REQUIRE(eventually(
            [&] { return std::ranges::all_of(book_->done, [](const auto& done) { return done != 0; }); }));
    }

    /// Stops one of them at a random instant.
    void stop_somebody() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 1'000);
        while (std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
        victim_ = random_() % users;
        signal_victim(SIGSTOP);
        BOOST_TEST_REQUIRE(
            eventually([&] { return look_at(processes_[victim_].pid()).state == 'T'; }, hang_limit));
    }
    void signal_victim(int number) const { kill_process(processes_[victim_].pid(), number); }

    /// The others do further operations, or end because the queue is broken; whether they do operations.
    bool goes_on_without_victim() {
        bool goes_on = true;
        for (std::size_t user = 0; user != users; ++user) {
            if (user == victim_) {
                continue;
            }
            const auto before = book_->done[user].load();
            BOOST_TEST_REQUIRE(
                eventually([&] { return book_->done[user] > before + 2 || !processes_[user].is_alive(); }),
                context_ << ": a user hangs, number " << user);
            goes_on &= processes_[user].is_alive();
        }
        return goes_on;
    }

    /// All end in an orderly way; if the queue is broken for one, then for all who come after.
    void expect_orderly_ends() {
        queue_.close();
        bool broken = false;
        for (auto& process : processes_) {
            BOOST_TEST_REQUIRE(process.join_for(hang_limit), context_ << ": a user does not end");
            const auto code = process.exit_code().value();
            BOOST_TEST((code == orderly || code == found_it_broken || code == -SIGKILL),
                       context_ << ": exit code " << code);
            broken |= code == found_it_broken;
        }
        if (broken) {
            BOOST_CHECK_THROW((void)queue_.size(), mp::queue_broken);
            BOOST_CHECK_THROW((void)queue_.try_get(), mp::queue_broken);
        }
    }

private:
    std::minstd_rand random_;
    const std::string context_;
    const scratch_file file_;
    const shared<ledger> book_{file_.path()};
    blocks queue_{8};
    std::vector<mp::process> processes_;
    std::size_t victim_ = 0;
};

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_stop, leaves_nothing)

BOOST_AUTO_TEST_CASE(nobody_waits_for_a_stopped_user_which_may_go_on_later) {
    for (unsigned seed = 1; seed != 6; ++seed) {
        experiment one(seed);
        bool goes_on = true;
        for (int stops = 0; goes_on && stops != 100; ++stops) {
            one.stop_somebody();
            goes_on = one.goes_on_without_victim();
            one.signal_victim(SIGCONT);
        }
        one.expect_orderly_ends();
    }
}

BOOST_AUTO_TEST_CASE(a_stopped_user_may_be_killed) {
    for (unsigned seed = 6; seed != 26; ++seed) {
        experiment one(seed);
        one.stop_somebody();
        one.signal_victim(SIGKILL);
        one.goes_on_without_victim();
        one.expect_orderly_ends();
    }
}

BOOST_AUTO_TEST_SUITE_END()
