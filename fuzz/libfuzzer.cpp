// libFuzzer's entry to the one fuzzer that this program holds (cmake/Module.cmake).
#include "fuzz/fuzz.hpp"

// A Violation is caught by nobody: the program aborts, and libFuzzer keeps the bytes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  prov::fuzz::PROV_FUZZER({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
