/* The C library's daemon(3): one fork, a new session, /dev/null. No PID file, no lock, no log. */
#define _DEFAULT_SOURCE
#include "body.h"

int main(void)
{
	if (daemon(1, 0) < 0) {
		perror("daemon");
		return 1;
	}
	run();
}
