/*
 * The classic daemon in C, after the steps of "Advanced Programming in the UNIX Environment", chapter
 * 13: two forks, a new session, streams to the log, a locked PID file. The launcher ends after the
 * first fork, so a later failure does not reach the terminal. It closes the descriptors it knows of,
 * not all up to the limit.
 */
#define _DEFAULT_SOURCE
#include "body.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

static void die(const char *step)
{
	perror(step);
	exit(1);
}

static void detach(void)
{
	pid_t pid;
	struct sigaction ignore;

	if ((pid = fork()) < 0)
		die("fork");
	if (pid > 0)
		exit(0);
	setsid();
	memset(&ignore, 0, sizeof ignore);
	ignore.sa_handler = SIG_IGN;
	if (sigaction(SIGHUP, &ignore, NULL) < 0)
		die("sigaction");
	if ((pid = fork()) < 0)
		die("fork");
	if (pid > 0)
		exit(0);
}

static void redirect_streams(const char *log_path)
{
	int null = open("/dev/null", O_RDWR);
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0640);

	if (null < 0 || log < 0)
		die(log_path);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	close(null);
	close(log);
}

/* The descriptor stays open: the lock is the daemon's for its life. */
static void hold_pid_file(const char *path)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char line[16];
	int length, file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (file < 0)
		die(path);
	if (fcntl(file, F_SETLK, &lock) < 0)
		die("already running");
	if (ftruncate(file, 0) < 0)
		die(path);
	length = snprintf(line, sizeof line, "%d\n", (int)getpid());
	if (write(file, line, (size_t)length) != length)
		die(path);
}

int main(void)
{
	const char *pid_path = getenv("BENCH_PID"), *log_path = getenv("BENCH_LOG");

	if (pid_path == NULL || log_path == NULL) {
		errno = EINVAL;
		die("BENCH_PID and BENCH_LOG");
	}
	detach();
	redirect_streams(log_path);
	hold_pid_file(pid_path);
	run();
}
