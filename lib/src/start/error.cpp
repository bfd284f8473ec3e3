// Copyright (c) 2026 the multiprocessing authors. Distributed under the Boost Software License, Version 1.0.
#include <multiprocessing/error.hpp>

namespace multiprocessing {

not_initialized::not_initialized()
    : error("multiprocessing is not initialized: call it as the first line of main, before anything else:\n"
            "    int main(int argc, char** argv) {\n"
            "        multiprocessing::init(argc, argv);") {}

} // namespace multiprocessing
