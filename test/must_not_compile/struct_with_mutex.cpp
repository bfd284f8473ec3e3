// error: an object that can be neither moved nor copied stays where it is
// names: account
#include <multiprocessing.hpp>

#include <mutex>

struct account {
    std::mutex mutex;
    std::string owner;
};

std::vector<std::byte> use(const account& value) {
    return multiprocessing::encode(value);
}
