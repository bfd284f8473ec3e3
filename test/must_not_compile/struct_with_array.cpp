// error: this class has an array for a member, so its members cannot be told apart: make the array
// names: item
#include <multiprocessing.hpp>

struct item {
    std::string name;
    char tag[8];
};

void send(multiprocessing::connection<item>& connection, const item& value) {
    connection.send(value);
}
