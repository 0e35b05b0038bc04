// The installer digest against tests/vectors/signing/tree.json, computed by another implementation.
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

#include <gtest/gtest.h>

#include "base/json.hpp"
#include "signing/tree_digest.hpp"
#include "support/temporary_directory.hpp"

namespace prov::signing {
namespace {

TEST(TreeVector, DigestAndCopy_AreTheVectors) {
  const auto text = ReadFile(PROV_SOURCE_DIR "/tests/vectors/signing/tree.json", 1 << 16);
  const auto vector = json::ParseText(text.value()).value();
  const test::TemporaryDirectory directory;
  const auto root = directory.path() / "root";
  std::filesystem::create_directory(root);
  for (const auto& entry : vector.at("entries").as_array()) {
    const auto path = root / std::string(entry.at("path").as_string());
    if (entry.as_object().contains("directory")) {
      std::filesystem::create_directory(path);
      continue;
    }
    std::ofstream(path) << std::string(entry.at("text").as_string());
    ASSERT_EQ(chmod(path.c_str(), entry.at("mode").to_number<mode_t>()), 0);
  }
  const std::string expected(vector.at("digest").as_string());
  EXPECT_EQ(DigestTree(root).value(), expected);
  EXPECT_EQ(CopyAndDigestTree(root, directory.path() / "copy").value(), expected);
  EXPECT_EQ(DigestTree(directory.path() / "copy").value(), expected);
}

}  // namespace
}  // namespace prov::signing
