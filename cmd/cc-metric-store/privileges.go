package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// dropPrivileges makes the process run as the given user and group, without
// supplementary groups. If no group is given it is the user's primary one. Empty names
// leave everything as it is. It is called when the ports are bound.
func dropPrivileges(userName, groupName string) error {
	uid, gid, err := identity(userName, groupName)
	if err != nil {
		return err
	}
	if uid == os.Getuid() && gid == os.Getgid() {
		return nil // nothing is to be dropped, and only root may drop groups
	}
	if err := syscall.Setgroups([]int{gid}); err != nil {
		return fmt.Errorf("main.user, main.group: drop supplementary groups (this needs root): %w", err)
	}
	if err := syscall.Setgid(gid); err != nil {
		return fmt.Errorf("main.user, main.group: change to group id %d: %w", gid, err)
	}
	if err := syscall.Setuid(uid); err != nil {
		return fmt.Errorf("main.user: change to user %q: %w", userName, err)
	}
	return nil
}

// identity returns the ids of the given user and group: those of the process where a
// name is empty, and the user's primary group if only the user is given.
func identity(userName, groupName string) (uid, gid int, err error) {
	uid, gid = os.Getuid(), os.Getgid()
	if userName != "" {
		u, err := user.Lookup(userName)
		if err != nil {
			return 0, 0, fmt.Errorf("main.user: %w", err)
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			return 0, 0, fmt.Errorf("main.user: id %q of user %q is not a number", u.Uid, userName)
		}
		if gid, err = strconv.Atoi(u.Gid); err != nil {
			return 0, 0, fmt.Errorf("main.user: group id %q of user %q is not a number", u.Gid, userName)
		}
	}
	if groupName != "" {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return 0, 0, fmt.Errorf("main.group: %w", err)
		}
		if gid, err = strconv.Atoi(g.Gid); err != nil {
			return 0, 0, fmt.Errorf("main.group: id %q of group %q is not a number", g.Gid, groupName)
		}
	}
	return uid, gid, nil
}
