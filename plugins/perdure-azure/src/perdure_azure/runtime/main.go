// dts-stand-in is perdure's local stand-in for Azure's Durable Task Scheduler: a server that speaks its
// gRPC protocol, keeps its rules and stores in SQLite, so that programs can be tried without Azure. What
// a workflow's actions mean is decided by Microsoft's last open server, durabletask-go v0.6.0.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	o, err := readOptions(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dts-stand-in:", err)
		os.Exit(2)
	}
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "dts-stand-in:", err)
		os.Exit(1)
	}
}

// run serves until it is told to end.
func run(o options) error {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.logLevel)); err != nil {
		return fmt.Errorf("--log-level: %w", err)
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	s, err := newServer(o, log)
	if err != nil {
		return err
	}
	ports, err := s.listen()
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(ports); err != nil {
		return err
	}
	fmt.Fprint(os.Stderr, banner(s, ports))
	return s.serve(ended)
}
