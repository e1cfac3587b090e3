//go:build preloadable

// For the table "Flatness": linked to the C library, so that burden.c can be preloaded, and left
// through it, so that burden.c is told.
package main

// #include <stdlib.h>
import "C"

func leave() { C.exit(0) }
