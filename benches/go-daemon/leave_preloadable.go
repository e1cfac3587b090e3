//go:build preloadable

// For the table "flatness": linked to the C library, so that burden.c can be preloaded, and left
// through it, so that burden.c sees it.
package main

// #include <stdlib.h>
import "C"

func leave() { C.exit(0) }
