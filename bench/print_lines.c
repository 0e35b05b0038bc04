/* F7: as many lines as it is told, as fast as a program can print them. */
#include <stdio.h>
#include <stdlib.h>

int main(int count, char** arguments) {
  long lines = count > 1 ? atol(arguments[1]) : 0;
  for (long i = 0; i < lines; ++i) puts("a line of forty bytes, as scripts print.");
  return fflush(stdout) != 0;
}
