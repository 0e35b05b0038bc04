#include "exec/command.hpp"

#include <spawn.h>
#include <sys/wait.h>

namespace prov::exec {

Result<int> RunCommand(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const char* environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", nullptr};
  pid_t pid = -1;
  if (const int failed = posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(),
                                     const_cast<char**>(environment));
      failed != 0)
    return ErrnoError("cannot start " + arguments.front(), failed);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoError("cannot wait for " + arguments.front());
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace prov::exec
