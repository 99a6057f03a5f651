package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// patience is how long, and how loudly, an import, or what else is done with a node, waits for something.
type patience struct {
	logger *slog.Logger
	who    string        // waits
	bound  time.Duration // 0: none
	every  time.Duration // in which it is said what is waited for
}

const (
	// startPatience bounds the wait of -import for a node that starts: it may have a long log to
	// read.
	startPatience = 30 * time.Minute
	// writePatience bounds the wait of -import for a body to be taken.
	writePatience = 5 * time.Minute
)

// ofOperator is the patience of somebody who looks on.
func ofOperator(logger *slog.Logger, who string, bound time.Duration) patience {
	return patience{logger, who, bound, 10 * time.Second}
}

// ofNode is the patience of a node that has other things to do.
func ofNode(logger *slog.Logger) patience {
	return patience{logger, "the import of files of ClusterCockpit's metric store", 0, time.Minute}
}

// permanentError says that it is of no use to try again.
type permanentError struct{ error }

// until calls try until it returns nil or a permanentError, patience ends or ctx ends.
func (p patience) until(ctx context.Context, what string, try func(context.Context) error) error {
	begin, said, delay := time.Now(), time.Now(), 50*time.Millisecond
	for {
		err := try(ctx)
		var permanent permanentError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.As(err, &permanent) || p.bound > 0 && time.Since(begin) > p.bound:
			return fmt.Errorf("wait for %s: %w", what, err)
		case time.Since(said) > p.every:
			said = time.Now()
			p.logger.Warn(p.who+" waits for "+what, "because", err)
		}
		select {
		case <-time.After(delay):
			delay = min(2*delay, time.Second)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
