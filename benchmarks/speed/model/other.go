//go:build !unix

package main

import "fmt"

func main() { fmt.Println("model: CPU time is measured on Unix only") }
