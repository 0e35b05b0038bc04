// The cheapest that could start a job's script: nothing is verified, contained, read or kept.
//
//   bench_floor_spawn loop SCRIPT COUNT PARALLEL    COUNT times bash SCRIPT, PARALLEL at once: F5,
//   F6 bench_floor_spawn submit SCRIPT COUNT FILE      before each, three records made durable in
//   FILE;
//       prints when each began, in microseconds since 1970: F4
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <fmt/format.h>

#include "base/files.hpp"

namespace {

[[noreturn]] void Die(const std::string& why) {
  fmt::print(stderr, "bench_floor_spawn: {}: {}\n", why, std::strerror(errno));
  std::exit(1);
}

pid_t Spawn(const char* script) {
  char program[] = "/bin/bash";
  char* const arguments[] = {program, const_cast<char*>(script), nullptr};
  pid_t pid = 0;
  if (posix_spawn(&pid, program, nullptr, nullptr, arguments, environ) != 0) Die("bash");
  return pid;
}

void Reap() {
  int status = 0;
  if (wait(&status) < 0 || status != 0) Die("the script failed");
}

double CpuSeconds(int who) {
  rusage used{};
  getrusage(who, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void Loop(const char* script, int count, int parallel) {
  const auto began = std::chrono::steady_clock::now();
  for (int started = 0; started < count; ++started) {
    if (started >= parallel) Reap();
    Spawn(script);
  }
  for (int left = std::min(count, parallel); left > 0; --left) Reap();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print(R"({{"seconds":{:.6f},"own_cpu":{:.6f},"script_cpu":{:.6f}}})", took.count(),
             CpuSeconds(RUSAGE_SELF), CpuSeconds(RUSAGE_CHILDREN));
}

void Submit(const char* script, int count, const char* file) {
  const prov::UniqueFd fd(open(file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!fd) Die(file);
  const std::string record(300, 'r');  // about what the agent's journal takes for a step
  for (int i = 0; i < count; ++i) {
    const auto began = std::chrono::system_clock::now().time_since_epoch();
    for (int step = 0; step < 3; ++step) {
      if (!prov::WriteAll(fd.get(), record) || fdatasync(fd.get()) != 0) Die(file);
    }
    Spawn(script);
    Reap();
    fmt::print("{}\n", std::chrono::duration_cast<std::chrono::microseconds>(began).count());
  }
}

}  // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  if (what == "loop" && count == 5)
    Loop(arguments[2], std::atoi(arguments[3]), std::atoi(arguments[4]));
  else if (what == "submit" && count == 5)
    Submit(arguments[2], std::atoi(arguments[3]), arguments[4]);
  else
    Die("loop SCRIPT COUNT PARALLEL, or submit SCRIPT COUNT FILE");
}
