// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Writers and readers of a queue are killed at random instants, one after the other, in a queue that always
// goes on: what was put is got, once. Of what a killed reader had taken one value may be lost, no more. When
// all writers have ended, by whatever death, readers learn that.
#include "support/fault.hpp"
#include "support/leaves_nothing.hpp"

#include <array>
#include <boost/test/data/test_case.hpp>
#include <random>

using namespace fault;

namespace {

using value = std::vector<std::uint64_t>;
using values = mp::queue<value>;
using writer_of_values = mp::queue_writer<value>;

constexpr std::size_t writers = 2;
constexpr std::size_t readers = 2;

/// Ends one reader.
const value end_of_input{0};

/// What became of each value. The numbers of a writer's go on where the one killed in its place has stopped.
struct ledger {
    static constexpr std::size_t most_values = 30'000'000;
    static constexpr std::uint8_t put = 0x80; // put has returned; in the other bits how often it was got
    static constexpr std::uint8_t times_got = 0x7f;

    std::array<std::array<std::atomic<std::uint8_t>, most_values>, writers> fate;
    std::array<std::atomic<std::uint64_t>, writers> begun; // how many puts
    std::array<std::atomic<std::uint64_t>, readers> reader_got;
    std::atomic<std::uint32_t> mangled;
    std::atomic<bool> enough;
};

/// Mostly small, sometimes too large for a message.
value make_value(std::uint64_t writer, std::uint64_t number) {
    const std::size_t length = number % 32 == 0 ? 40'000 : number % 4 == 0 ? 100 : 2;
    value made(length, number);
    made.front() = writer;
    return made;
}

/// With all priorities that there are.
void write(writer_of_values to, const std::string& path, std::size_t writer, int priorities) {
    const shared<ledger> book(path);
    while (!book->enough) {
        const auto number = book->begun[writer]++;
        to.put(make_value(writer, number), {int(number % std::uint64_t(priorities))});
        book->fate[writer].at(number) |= ledger::put;
    }
}
void read(values from, const std::string& path, std::size_t reader) {
    const shared<ledger> book(path);
    for (auto got = from.get(); got != end_of_input; got = from.get()) {
        if (got.size() > 1 && got == make_value(got[0], got[1])) {
            ++book->fate.at(got[0]).at(got[1]);
        } else {
            ++book->mangled;
        }
        ++book->reader_got[reader];
    }
}

/// Of a value that takes all the memory that a queue keeps for large ones, so that none of it is in use.
value all_that_is_kept() {
    constexpr std::size_t unit = 16 * 1024;
    return value((larger_than_kept() - 1) / unit * unit / sizeof(value::value_type) - 1);
}

class storm {
public:
    /// In an operation mostly something is copied, and the more the larger a message is.
    storm(unsigned seed, std::size_t message_size, int priorities)
        : random_(seed),
          priorities_(priorities),
          queue_({8, message_size, std::size_t(priorities), true}),
          writer_(queue_.writer()) {
        for (std::size_t place = 0; place != writers + readers; ++place) {
            users_.push_back(started(place));
        }
    }

    void kill_somebody() {
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(random_() % 2'000);
        while (std::chrono::steady_clock::now() < end) {
            std::this_thread::yield();
        }
        const auto place = random_() % users_.size();
        users_[place].kill();
        users_[place].join();
        killed_readers_ += place < writers ? 0 : 1;
        users_[place] = started(place);
    }

    void expect_that_everybody_goes_on() {
        for (std::size_t i = 0; i != writers + readers; ++i) {
            const auto& done = i < writers ? book_->begun[i] : book_->reader_got[i - writers];
            const auto before = done.load();
            BOOST_TEST_REQUIRE(eventually([&] { return done > before + 10; }), "user " << i << " hangs");
        }
    }
    void expect_that_everybody_ends() {
        book_->enough = true;
        for (std::size_t place = 0; place != users_.size(); ++place) {
            if (place == writers) { // nobody puts anything any more
                for (std::size_t reader = 0; reader != readers; ++reader) {
                    BOOST_TEST_REQUIRE(writer_.put_for(end_of_input, hang_limit));
                }
            }
            BOOST_TEST_REQUIRE(users_[place].join_for(hang_limit), "user " << place << " hangs");
            BOOST_TEST(users_[place].exit_code().value() == 0);
        }
    }
    void expect_each_value_once() {
        std::size_t lost = 0;
        std::size_t got_twice = 0;
        std::uint64_t all = 0;
        for (std::size_t writer = 0; writer != writers; ++writer) {
            for (std::uint64_t number = 0; number != book_->begun[writer]; ++number) {
                const auto fate = book_->fate[writer].at(number).load();
                lost += fate == ledger::put ? 1 : 0;
                got_twice += (fate & ledger::times_got) > 1 ? 1 : 0;
            }
            all += book_->begun[writer];
        }
        BOOST_TEST_MESSAGE(all << " values, " << killed_readers_ << " readers killed, " << lost << " lost");
        BOOST_TEST(lost <= killed_readers_);
        BOOST_TEST(got_twice == 0U);
        BOOST_TEST(book_->mangled == 0U);
    }
    void expect_no_memory_to_be_lost() {
        const auto names = names_of(::getpid()).size();
        writer_.put(all_that_is_kept());
        BOOST_TEST(names_of(::getpid()).size() == names, "some of what is kept is still in use");
        BOOST_TEST((queue_.try_get() == all_that_is_kept()));
    }
    void expect_end_without_writers() {
        BOOST_TEST(!queue_.try_get().has_value());
        writer_.close();
        BOOST_CHECK_THROW((void)queue_.try_get(), mp::queue_closed);
    }

private:
    [[nodiscard]] mp::process started(std::size_t place) const {
        auto user = place < writers ? mp::process(write, writer_, file_.path(), place, priorities_)
                                    : mp::process(read, queue_, file_.path(), place - writers);
        user.start();
        return user;
    }

    std::minstd_rand random_;
    const int priorities_;
    std::size_t killed_readers_ = 0;
    const scratch_file file_;
    const shared<ledger> book_{file_.path()};
    values queue_;
    writer_of_values writer_;
    std::vector<mp::process> users_; // the writers first
};

/// A few hundred in the quick suite, MULTIPROCESSING_KILLS in a soak.
int number_of_kills() {
    const char* const chosen = std::getenv("MULTIPROCESSING_KILLS");
    return chosen != nullptr ? std::stoi(chosen) : 400;
}

void read_all(values from) {
    for ([[maybe_unused]] const auto& got : from) {
    }
}

/// Kills all the writers of a queue at any instant, while they start included; whether its readers ended.
bool readers_end_without_writers(std::minstd_rand& random) {
    const scratch_file file;
    values queue({.capacity = 8, .end_with_writers = true});
    std::vector<mp::process> doomed;
    for (std::size_t writer = 0; writer != writers; ++writer) {
        doomed.emplace_back(write, queue.writer(), file.path(), writer, 1);
    }
    mp::process reader(read_all, queue);
    for (auto* each : {&reader, &doomed[0], &doomed[1]}) {
        each->start();
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 15'000));
    for (auto& each : doomed) {
        each.kill();
    }
    const bool ended = ends([&] { read_all(queue); }, [&] { queue.close(); });
    return reader.join_for(hang_limit) && ended && queue.empty();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(queue_survival, leaves_nothing)

BOOST_DATA_TEST_CASE(users_killed_at_any_instant_are_not_noticed_by_the_others,
                     boost::unit_test::data::make({0, 400'000}) * boost::unit_test::data::make({1, 3}),
                     message_size, priorities) {
    storm one(1, std::size_t(message_size), priorities);
    for (int kills = number_of_kills() / 4; kills != 0; --kills) {
        one.kill_somebody();
    }
    one.expect_that_everybody_goes_on();
    one.expect_that_everybody_ends();
    one.expect_each_value_once();
    one.expect_no_memory_to_be_lost();
    one.expect_end_without_writers();
}

BOOST_AUTO_TEST_CASE(readers_learn_that_all_writers_were_killed) {
    std::minstd_rand random(1);
    for (int times = std::max(number_of_kills() / 40, 10); times != 0; --times) {
        BOOST_TEST_REQUIRE(readers_end_without_writers(random));
    }
}

BOOST_AUTO_TEST_SUITE_END()
