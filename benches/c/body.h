/* What both C programs do besides daemonizing; the same as src/lib.rs. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Reports the pid of the process that runs user code, and the time on the monotonic clock. */
static void announce(void)
{
	struct timespec now;
	char line[64];
	const char *path = getenv("BENCH_UP");
	int up, length;

	if (path == NULL)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((up = open(path, O_WRONLY | O_CLOEXEC)) < 0)
		exit(1);
	length = snprintf(line, sizeof line, "up %d %lld %ld\n", (int)getpid(), (long long)now.tv_sec,
	                  now.tv_nsec);
	if (write(up, line, (size_t)length) != length)
		exit(1);
	close(up);
}

static _Noreturn void run(void)
{
	announce();
	for (;;)
		pause();
}
