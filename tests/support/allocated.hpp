// How much memory the program holds now, for tests that bound it.
#pragma once

#include <cstddef>
#include <malloc.h>

#if defined(__SANITIZE_ADDRESS__)
#define PROV_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PROV_ADDRESS_SANITIZER 1
#endif
#endif
#if defined(PROV_ADDRESS_SANITIZER)
#include <sanitizer/allocator_interface.h>
#endif

namespace prov::test {

inline std::size_t AllocatedBytes() {
#if defined(PROV_ADDRESS_SANITIZER)
  return __sanitizer_get_current_allocated_bytes();
#else
  const auto info = mallinfo2();
  return info.uordblks + info.hblkhd;
#endif
}

}  // namespace prov::test
