// Go with the library github.com/sevlyar/go-daemon: a re-exec, like this library. The lock is taken
// before the prompt returns, the pid is written after it.
package main

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"github.com/sevlyar/go-daemon"
)

func main() {
	context := daemon.Context{PidFileName: os.Getenv("BENCH_PID"), LogFileName: os.Getenv("BENCH_LOG")}
	child, err := context.Reborn()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if child != nil {
		leave()
	}
	announce()
	for {
		// Not select {}, which Go reports as a deadlock.
		syscall.Pause()
	}
}

// announce reports the pid of the process that runs user code, and the time on the monotonic clock.
func announce() {
	const clockMonotonic = 1
	var now syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockMonotonic, uintptr(unsafe.Pointer(&now)), 0)
	up, err := os.OpenFile(os.Getenv("BENCH_UP"), os.O_WRONLY, 0)
	if err != nil {
		return
	}
	fmt.Fprintf(up, "up %d %d %d\n", os.Getpid(), now.Sec, now.Nsec)
	up.Close()
}
