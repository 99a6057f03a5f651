package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"

	"cc-metric-store/config"
)

// checkSystem returns what on this machine would keep the program from starting with the
// configuration: the user to run as, and the directories to write to. It changes nothing.
func checkSystem(cfg *config.Config, logger *slog.Logger) error {
	uid, gid, err := identity(cfg.Main.User, cfg.Main.Group)
	if err != nil {
		return err
	}
	if (uid != os.Getuid() || gid != os.Getgid()) && os.Geteuid() != 0 {
		logger.Warn("configuration: only root can start the program as somebody else", "key", "main.user, main.group")
	}
	var faults []error
	for _, d := range []struct{ key, dir string }{
		{"nats.embedded.directory", cfg.NATS.Embedded.Directory},
		{"metric-store.checkpoints.directory", cfg.MetricStore.CheckpointDirectory},
		{"metric-store.cleanup.directory", cfg.MetricStore.Archive.Directory},
	} {
		if d.dir == "" {
			continue
		}
		if err := checkDirectory(absolute(d.dir), uint32(uid), uint32(gid)); err != nil {
			faults = append(faults, fmt.Errorf("%s: %w", d.key, err))
		}
	}
	return errors.Join(faults...)
}

// checkDirectory returns why a process with the ids could not make files in a directory.
// Of a directory that is not there, the nearest one above it counts, in which it would
// be made.
func checkDirectory(dir string, uid, gid uint32) error {
	there := dir
	info, err := os.Stat(there)
	for errors.Is(err, fs.ErrNotExist) && there != filepath.Dir(there) {
		there = filepath.Dir(there)
		info, err = os.Stat(there)
	}
	if err != nil {
		return fmt.Errorf("%s cannot be used: %w", dir, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s cannot be used: %s is not a directory", dir, there)
	}
	const write, search = 2, 1
	err = syscall.Access(there, write|search) // which takes read-only file systems and access lists into account
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil && uid != 0 && int(uid) != os.Getuid() {
		if !permits(owner, uid, gid, write|search) {
			err = syscall.EACCES
		}
	}
	if err != nil {
		return fmt.Errorf("%s cannot be used: user id %d may not write to %s: %w", dir, uid, there, err)
	}
	return nil
}

// permits reports whether the mode of a file gives all the rights to the ids.
func permits(file *syscall.Stat_t, uid, gid uint32, rights uint32) bool {
	granted := file.Mode
	switch {
	case file.Uid == uid:
		granted >>= 6
	case file.Gid == gid:
		granted >>= 3
	}
	return granted&rights == rights
}
