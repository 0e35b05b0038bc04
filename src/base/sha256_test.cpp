#include "base/sha256.hpp"

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace prov {
namespace {

TEST(Sha256, IsWhatFips180Says) {
  EXPECT_EQ(HexEncode(Sha256("")),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(HexEncode(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, InPiecesIsTheSameAsAtOnce) {
  Sha256Stream stream;
  for (const char c : std::string_view("abcdbcdecdef")) stream.Add({&c, 1});
  EXPECT_EQ(stream.Finish(), Sha256("abcdbcdecdef"));
}

}  // namespace
}  // namespace prov
