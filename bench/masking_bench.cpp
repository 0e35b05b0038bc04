// F8: how fast secrets are taken out of a log, beside the least that any reader of it would do.
#include <benchmark/benchmark.h>
#include <cstring>

#include "exec/masking.hpp"

namespace {

constexpr std::size_t kBlock = 64 * 1024;  // what one read of a full pipe gives
constexpr std::size_t kTextBytes = 8 << 20;
constexpr int kSecrets = 20;

std::string Secret(int number) {
  return "s3cr3t-" + std::to_string(number) + "/Tr0ub4dor&" + std::to_string(number * 7919);
}

// Lines as a package manager prints them; one in a thousand holds a secret.
std::string Text() {
  std::string text;
  for (int line = 0; text.size() < kTextBytes; ++line) {
    text += "Get:" + std::to_string(line) +
            " http://deb.debian.org/debian bookworm/main amd64 lib" +
            std::to_string(line * 31 % 977) + "-dev amd64 1.2." + std::to_string(line % 40) + " [" +
            std::to_string(line * 131 % 9000) + " kB]\n";
    if (line % 1000 == 0) text += "password=" + Secret(line / 1000 % kSecrets) + "\n";
  }
  return text;
}

// Blocks that end with a newline, as the log pump makes them of what it reads.
std::vector<std::string_view> Blocks(std::string_view text) {
  std::vector<std::string_view> blocks;
  while (!text.empty()) {
    const auto block = text.substr(0, text.substr(0, kBlock).rfind('\n') + 1);
    blocks.push_back(block);
    text.remove_prefix(block.size());
  }
  return blocks;
}

void CountBytes(benchmark::State& state, const std::string& text) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}

void F8_Masking(benchmark::State& state) {
  const auto text = Text();
  const auto blocks = Blocks(text);
  prov::exec::Masker masker;
  for (int i = 0; i < kSecrets; ++i) masker.Add(Secret(i));
  std::string out;
  for (auto _ : state) {
    for (const auto block : blocks) {
      out.clear();
      masker.Push(block, out);
      masker.Flush(out);
      benchmark::DoNotOptimize(out.data());
    }
  }
  CountBytes(state, text);
}
BENCHMARK(F8_Masking)->Unit(benchmark::kMillisecond);

void F8_Floor(benchmark::State& state) {
  const auto text = Text();
  const auto blocks = Blocks(text);
  std::vector<char> copy(kBlock);
  for (auto _ : state) {
    std::size_t lines = 0;
    for (const auto block : blocks) {
      std::memcpy(copy.data(), block.data(), block.size());
      const char* const end = copy.data() + block.size();
      for (const char* at = copy.data(); at < end; ++lines)
        at = static_cast<const char*>(std::memchr(at, '\n', end - at)) + 1;
    }
    benchmark::DoNotOptimize(lines);
  }
  CountBytes(state, text);
}
BENCHMARK(F8_Floor)->Unit(benchmark::kMillisecond);

}  // namespace
