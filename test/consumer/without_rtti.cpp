// What a source compiled with -fno-rtti can use: all but what calls functions in other processes.
#include <multiprocessing/connection.hpp>
#include <multiprocessing/context.hpp>
#include <multiprocessing/error.hpp>
#include <multiprocessing/future.hpp>
#include <multiprocessing/init.hpp>
#include <multiprocessing/queue.hpp>
#include <multiprocessing/shared_memory.hpp>
#include <multiprocessing/shared_value.hpp>
#include <multiprocessing/synchronization.hpp>
#include <multiprocessing/wait.hpp>

#include <string>

namespace mp = multiprocessing;

int use(mp::queue<std::string>& texts, const mp::shared_value<int>& count, mp::future<int>& outcome) {
    try {
        texts.put("text");
        return count.fetch_add(1) + outcome.get();
    } catch (const mp::error&) {
        return 0;
    }
}
