# One interface target carries every flag and define: a translation unit compiled without the Boost defines
# links and then crashes, so nothing may opt out of it.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
# Everything is -fPIE, libraries too, so that one precompiled header serves libraries, tests and programs.
set(CMAKE_POSITION_INDEPENDENT_CODE OFF)
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g1")
# A fuzzer is as good as it is fast, and its reports need lines.
set(CMAKE_CXX_FLAGS_FUZZ "-O1 -g1")
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG -D_FORTIFY_SOURCE=2")

set(PROV_SANITIZE "" CACHE STRING "sanitizers, as -fsanitize takes them; empty for none")
option(PROV_WERROR "warnings are errors" OFF)
option(PROV_TESTS "build the tests" ON)
option(PROV_FUZZ "build the fuzzers, and everything with the coverage they are led by" OFF)

find_program(PROV_CCACHE ccache)
if(PROV_CCACHE)
  set(launcher env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_INODECACHE=1
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${PROV_CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()

add_library(prov_platform INTERFACE)
target_compile_definitions(prov_platform INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  PROV_VERSION="${PROJECT_VERSION}")
target_compile_options(prov_platform INTERFACE
  -fPIE -Wall -Wextra -Wno-missing-field-initializers -fstack-protector-strong -fno-omit-frame-pointer
  $<$<COMPILE_LANGUAGE:CXX>:-fcoro-aligned-allocation>
  -Xclang -fno-pch-timestamp
  $<$<BOOL:${PROV_WERROR}>:-Werror>)
target_link_options(prov_platform INTERFACE -pie -fuse-ld=lld -Wl,--gc-sections -Wl,-z,relro,-z,now)
target_link_libraries(prov_platform INTERFACE pthread)
if(PROV_SANITIZE)
  target_compile_options(prov_platform INTERFACE -fsanitize=${PROV_SANITIZE} -fno-sanitize-recover=all)
  # A check of each pointer that is followed costs a fifth of what compiling costs, and AddressSanitizer sees a null one too.
  # The fuzzers, which read what others wrote, keep them.
  if(NOT PROV_FUZZ)
    target_compile_options(prov_platform INTERFACE -fno-sanitize=null,alignment)
  endif()
  target_link_options(prov_platform INTERFACE -fsanitize=${PROV_SANITIZE})
endif()
if(PROV_FUZZ)
  target_compile_options(prov_platform INTERFACE -fsanitize=fuzzer-no-link)
endif()
