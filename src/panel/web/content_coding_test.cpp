#include "panel/web/content_coding.hpp"

#include <gtest/gtest.h>

namespace prov::panel {
namespace {

constexpr std::string_view kBoth[] = {"br", "gzip"};

TEST(ContentCoding, IsTheOneThatTheClientWeighsMost) {
  const struct {
    std::vector<std::string> lines;  // of Accept-Encoding
    std::string chosen;              // "-": none
  } rows[] = {
      {{}, "identity"},
      {{""}, "identity"},
      {{"gzip, deflate, br, zstd"}, "br"},
      {{"gzip"}, "gzip"},
      {{"GZip"}, "gzip"},
      {{"x-gzip"}, "gzip"},
      {{"br"}, "br"},
      {{"deflate, zstd"}, "identity"},
      {{"gzip", "br"}, "br"},
      {{"br;q=0.5, gzip;q=1.0"}, "gzip"},
      {{"br;q=0.5,gzip;q=0.5"}, "br"},
      {{"br ; q=0.1 , gzip\t;\tq=0.2"}, "gzip"},
      {{"br;q=0.001, gzip;q=0"}, "br"},
      {{"br;q=0, gzip;q=0"}, "identity"},
      {{"identity, gzip;q=0.5"}, "identity"},
      {{"identity;q=0.5, gzip;q=0.5"}, "gzip"},
      {{"identity;q=0.5, br;q=0.4"}, "identity"},
      {{"gzip;q=0.5"}, "gzip"},
      {{"*"}, "br"},
      {{"*;q=0.5, br;q=0"}, "gzip"},
      {{"*;q=0"}, "-"},
      {{"*;q=0, gzip"}, "gzip"},
      {{"*;q=0, identity"}, "identity"},
      {{"identity;q=0"}, "-"},
      {{"identity;q=0, br"}, "br"},
      {{"identity;q=0, deflate"}, "-"},
      // What is not well formed is not there.
      {{"br;q=2, gzip"}, "gzip"},
      {{"br;q=1.001, gzip"}, "gzip"},
      {{"br;q=0.0001, gzip"}, "gzip"},
      {{"br;q=, gzip"}, "gzip"},
      {{"br;q, gzip"}, "gzip"},
      {{"br;q=-1, gzip"}, "gzip"},
      {{"br;level=3, gzip"}, "gzip"},
      {{"br;q=.5, gzip"}, "gzip"},
      {{",, ,gzip,;q=1,"}, "gzip"},
      {{"brotli, gz, ip"}, "identity"},
      {{"br;Q=0.5, gzip;q=0.6"}, "gzip"},
      {{"br;q=1.000, gzip;q=0.999"}, "br"},
  };
  for (const auto& row : rows) {
    net::Headers headers;
    std::string said;
    for (const auto& line : row.lines) {
      headers.Add("Accept-Encoding", line);
      said += "[" + line + "]";
    }
    EXPECT_EQ(ChooseCoding(headers, kBoth).value_or("-"), row.chosen) << said;
  }
}

TEST(ContentCoding, OfAFileThatIsNoSmallerCompressedIsIdentity) {
  net::Headers headers;
  headers.Add("Accept-Encoding", "gzip, br");
  EXPECT_EQ(ChooseCoding(headers, {}), "identity");
  headers.Set("Accept-Encoding", "gzip, identity;q=0");
  EXPECT_EQ(ChooseCoding(headers, {}), std::nullopt);
}

}  // namespace
}  // namespace prov::panel
