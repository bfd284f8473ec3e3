// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
// Values of all kinds. The first byte says of which type.
#include "fuzz.hpp"
#include "values.hpp"

#include <utility>

using namespace fuzz;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto bytes = as_bytes(data + 1, size - 1);
    const auto check = [&]<std::size_t... I>(std::index_sequence<I...>) {
        (void)((data[0] == I && (check_round_trip<std::tuple_element_t<I, value_types>>(bytes), true)) ||
               ...);
    };
    check(std::make_index_sequence<std::tuple_size_v<value_types>>{});
    return 0;
}
