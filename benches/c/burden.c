/*
 * Preloaded into every launcher of the table "flatness". Before `main` it makes the process large, waits
 * for the bench, and reports the time. When the process leaves, it reports the time again, because the
 * kernel takes long to tear down a large process, which no launcher can avoid. In the daemon, which
 * inherits the preload, it does nothing.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MEMORY (1UL << 30)
#define SWEEP (64UL << 20)
#define THREADS 64
#define DESCRIPTORS 10000
#define LIMIT 1000000000UL

/* A forked child has the same value but another pid. */
static pid_t launcher;
static int fake_limit;

static void die(const char *step)
{
	perror(step);
	syscall(SYS_exit_group, 1);
}

/* Every page is written, as the heap of a program is; no huge pages unless the system forces them. */
static void hold_memory(void)
{
	void *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memset(memory, 1, MEMORY);
}

static pthread_barrier_t all_there;

static void *sleep_forever(void *unused)
{
	pthread_barrier_wait(&all_there);
	for (;;)
		pause();
	return unused;
}

static void start_threads(void)
{
	pthread_t thread;

	pthread_barrier_init(&all_there, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, sleep_forever, NULL) != 0)
			die("pthread_create");
	pthread_barrier_wait(&all_there);
}

/* Without close-on-exec, as a careless program leaves them. */
static void open_descriptors(void)
{
	struct rlimit limit = {DESCRIPTORS + 100, DESCRIPTORS + 100};

	if (syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &limit, NULL) < 0)
		die("RLIMIT_NOFILE");
	for (int i = 0; i < DESCRIPTORS; i++)
		if (dup(2) < 0)
			die("dup");
}

/*
 * A process that has just written 1 GiB continues with cold caches. Every launcher starts with cold
 * caches, so that only the load differs.
 */
static void cool_caches(void)
{
	void *memory = mmap(NULL, SWEEP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memset(memory, 1, SWEEP);
	munmap(memory, SWEEP);
}

/* The FIFO is for the launcher only: a program that is executed later does not find it. */
static void wait_for_start(const char *path)
{
	char unused;
	int fifo = open(path, O_RDONLY | O_CLOEXEC);

	if (fifo < 0 || unlink(path) < 0)
		die(path);
	while (read(fifo, &unused, 1) > 0)
		;
	close(fifo);
}

/* One line through the FIFO that the daemon uses as well: a word and the time. */
static void tell(int up, const char *word)
{
	struct timespec now;
	char line[64];
	int length;

	clock_gettime(CLOCK_MONOTONIC, &now);
	length = snprintf(line, sizeof line, "%s %lld %ld\n", word, (long long)now.tv_sec, now.tv_nsec);
	if (up < 0 || write(up, line, (size_t)length) != length)
		die("BENCH_UP");
	close(up);
}

__attribute__((constructor)) static void take_on(void)
{
	const char *fifo = getenv("BENCH_START"), *burden = getenv("BENCH_BURDEN");
	int up;

	if (fifo == NULL || burden == NULL)
		return;
	fake_limit = strcmp(burden, "limit") == 0;
	if (access(fifo, F_OK) < 0)
		return;
	if (strcmp(burden, "memory") == 0)
		hold_memory();
	else if (strcmp(burden, "threads") == 0)
		start_threads();
	else if (strcmp(burden, "descriptors") == 0)
		open_descriptors();
	cool_caches();
	launcher = getpid();
	up = open(getenv("BENCH_UP"), O_WRONLY | O_CLOEXEC);
	wait_for_start(fifo);
	tell(up, "started");
}

__attribute__((destructor)) static void leave(void)
{
	if (launcher == 0 || launcher != getpid())
		return;
	launcher = 0;
	tell(open(getenv("BENCH_UP"), O_WRONLY | O_CLOEXEC), "left");
}

/* Called by programs that leave without `exit`. The C library's daemon(3) has its own way. */
void _exit(int status)
{
	leave();
	for (;;)
		syscall(SYS_exit_group, status);
}

/* The faked limit. The real one is not changed. */

int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *new, struct rlimit64 *old)
{
	int result = (int)syscall(SYS_prlimit64, pid, resource, new, old);

	if (result == 0 && old != NULL && fake_limit && resource == RLIMIT_NOFILE)
		old->rlim_cur = old->rlim_max = LIMIT;
	return result;
}

int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *new, struct rlimit *old)
{
	return prlimit64(pid, resource, (const struct rlimit64 *)new, (struct rlimit64 *)old);
}

int getrlimit64(__rlimit_resource_t resource, struct rlimit64 *limit)
{
	return prlimit64(0, resource, NULL, limit);
}

int getrlimit(__rlimit_resource_t resource, struct rlimit *limit)
{
	return prlimit64(0, resource, NULL, (struct rlimit64 *)limit);
}

int getdtablesize(void)
{
	struct rlimit64 limit;

	return prlimit64(0, RLIMIT_NOFILE, NULL, &limit) == 0 ? (int)limit.rlim_cur : -1;
}

long sysconf(int name)
{
	long (*real)(int);

	if (fake_limit && name == _SC_OPEN_MAX)
		return (long)LIMIT;
	*(void **)&real = dlsym(RTLD_NEXT, "sysconf");
	return real(name);
}
