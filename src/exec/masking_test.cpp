#include "exec/masking.hpp"

#include <cstdio>
#include <cstdlib>

#include <gtest/gtest.h>

#include "base/encoding.hpp"

namespace prov::exec {
namespace {

std::string MaskCut(Masker masker, std::string_view text, const std::vector<std::size_t>& cuts) {
  std::string out;
  std::size_t from = 0;
  for (const auto cut : cuts) {
    masker.Push(text.substr(from, cut - from), out);
    from = cut;
  }
  masker.Push(text.substr(from), out);
  masker.Flush(out);
  return out;
}

TEST(Masking, Masking_EveryEncoding_IsFoundAtEveryCut) {
  const std::string secret = "s3cr3t/ pa'ss\"w\\ord+é";
  Masker masker;
  masker.Add(secret);
  const auto base64 = [&](const std::string& before) {
    return Base64Encode(before + secret + "zz");
  };
  const std::vector<std::string> texts = {secret,
                                          HexEncode(secret),
                                          base64(""),
                                          base64("x"),
                                          base64("xy"),
                                          "s3cr3t%2F%20pa%27ss%22w%5Cord%2B%C3%A9",
                                          "s3cr3t%2f+pa%27ss%22w%5cord%2b%c3%a9",
                                          "s3cr3t/ pa'ss\\\"w\\\\ord+é",
                                          "s3cr3t/ pa'\\''ss\"w\\ord+é",
                                          "s3cr3t/\\ pa\\'ss\\\"w\\\\ord+é"};
  for (const auto& text : texts) {
    const auto line = "before " + text + " after";
    const auto whole = MaskCut(masker, line, {});
    EXPECT_NE(whole.find(kMask), whole.npos) << line;
    EXPECT_EQ(whole.find(text), whole.npos) << line;
    EXPECT_TRUE(whole.starts_with("before ") && whole.ends_with(" after")) << whole;
    for (std::size_t a = 0; a <= line.size(); ++a) {
      EXPECT_EQ(MaskCut(masker, line, {a}), whole) << line << " cut at " << a;
      EXPECT_EQ(MaskCut(masker, line, {a / 2, a}), whole)
          << line << " cut at " << a / 2 << "," << a;
    }
  }
}

TEST(Masking, Masking_OverlappingSecrets_AreOneMaskAtEveryCut) {
  Masker masker;
  masker.Add("abcdefgh");
  masker.Add("efghabcd");
  const std::string text = "x abcdefghabcdefghabcd y abcdefghabcdefgh";
  const auto whole = MaskCut(masker, text, {});
  EXPECT_EQ(whole, "x [masked] y [masked]");
  for (std::size_t a = 0; a <= text.size(); ++a) {
    for (std::size_t b = a; b <= text.size(); ++b)
      ASSERT_EQ(MaskCut(masker, text, {a, b}), whole) << a << "," << b;
  }
}

TEST(Masking, Masking_MultiLineValue_IsMaskedLineByLine) {
  Masker masker;
  masker.Add("-----BEGIN KEY-----\nMIIEowIBAAKCAQEA\n-----END KEY-----\n");
  EXPECT_EQ(MaskCut(masker, "echo MIIEowIBAAKCAQEA done", {}), "echo [masked] done");
}

TEST(Masking, Masking_WrappedBase64_IsMaskedWhereverItIsWrapped) {
  const std::string secret(100, 'q');
  Masker masker;
  masker.Add(secret + "end-of-the-secret");
  const auto encoded = Base64Encode("user:" + secret + "end-of-the-secret");
  for (const std::size_t width : {64u, 76u}) {
    std::string out;
    for (std::size_t at = 0; at < encoded.size(); at += width) {
      masker.Push(encoded.substr(at, width), out);
      masker.Flush(out);
      out += "\n";
    }
    EXPECT_LT(out.size(), 60u) << out;
  }
}

// What a program really prints of the secret in $TOKEN, and nothing else.
std::string Printed(const std::string& command, const std::string& secret) {
  setenv("TOKEN", secret.c_str(), 1);
  FILE* pipe = popen(command.c_str(), "r");
  std::string printed;
  char buffer[4096];
  while (const auto got = fread(buffer, 1, sizeof buffer, pipe)) printed.append(buffer, got);
  EXPECT_EQ(pclose(pipe), 0) << command;
  unsetenv("TOKEN");
  return printed;
}

// `declare -p` put the secret into the log with a backslash before its $.
TEST(Masking, Masking_WhatBashAndPythonMakeOfASecret_IsNotInTheLog) {
  const std::vector<std::string> secrets = {
      "p4ss w'ord$canary",  "back`tick\\ \"quoted\" canary",
      "tab\tbed canary'$x", "gr\xc3\xbc\xc3\x9f canary \xf0\x9f\x94\x91 key",
      "a<b>&c canary/d",    "line one canary\nline two canary"};
  const std::vector<std::string> commands = {
      "bash -c 'export -p | grep -A1 TOKEN='",
      "bash -c 'declare -p TOKEN'",
      "bash -c 'printf \"%q\\n\" \"$TOKEN\"'",
      "LC_ALL=C bash -c 'printf \"%q\\n\" \"$TOKEN\"'",
      "LC_ALL=C bash -c 'declare -p TOKEN'",
      "bash -c 'echo \"${TOKEN@Q}\"'",
      "bash -c 'set | grep -A1 ^TOKEN='",
      "bash -xc ': \"$TOKEN\"' 2>&1",
      "python3 -c 'import json,os; print(json.dumps(os.environ[\"TOKEN\"]))'",
      "python3 -c 'import json,os; print(json.dumps(os.environ[\"TOKEN\"],ensure_ascii=False))'"};
  for (const auto& secret : secrets) {
    Masker masker;
    masker.Add(secret);
    for (const auto& command : commands) {
      const auto printed = Printed(command, secret);
      EXPECT_NE(printed.find("canary"), printed.npos) << command << printed;
      const auto masked = MaskCut(masker, printed, {});
      EXPECT_NE(masked.find(kMask), masked.npos) << command << "\n" << printed;
      EXPECT_EQ(masked.find("canary"), masked.npos) << command << "\n" << printed << masked;
    }
  }
}

TEST(Masking, Masking_JsonAsGoWritesIt_IsMasked) {
  Masker masker;
  masker.Add("a<b>&c canary");
  EXPECT_EQ(MaskCut(masker, R"({"token":"a\u003cb\u003e\u0026c canary"})", {}),
            R"({"token":"[masked]"})");
}

TEST(Masking, Masking_WithoutSecrets_PassesEverythingAtOnce) {
  Masker masker;
  std::string out;
  masker.Push(std::string("a\0b", 3), out);
  EXPECT_EQ(out, std::string("a\0b", 3));
}

}  // namespace
}  // namespace prov::exec
