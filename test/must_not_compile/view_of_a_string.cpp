// error: this type refers to memory of the process that sends it: send the value itself instead
// names: std::basic_string_view<char
#include <multiprocessing.hpp>

void use(multiprocessing::process_options options, std::string_view text) {
    multiprocessing::process([](std::string_view) {}, text);
    (void)options;
}
