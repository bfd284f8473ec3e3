# The tree that this folder is part of.
cmake_path(ABSOLUTE_PATH CURRENT_PORT_DIR OUTPUT_VARIABLE port)
cmake_path(GET port PARENT_PATH packaging)
cmake_path(GET packaging PARENT_PATH docs)
cmake_path(GET docs PARENT_PATH SOURCE_PATH)

vcpkg_check_features(OUT_FEATURE_OPTIONS options FEATURES listener MULTIPROCESSING_BUILD_LISTENER)
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS ${options} -DMULTIPROCESSING_BUILD_DEMOS=OFF -DMULTIPROCESSING_BUILD_TESTS=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/multiprocessing)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/debug/include")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
