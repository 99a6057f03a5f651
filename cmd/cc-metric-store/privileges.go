package main

import (
	"fmt"
	"os/user"
	"strconv"
	"syscall"
)

// dropPrivileges goes on as the given user and group; an empty name leaves it.
// It is called when the ports are bound.
func dropPrivileges(userName, groupName string) error {
	if groupName != "" {
		g, err := user.LookupGroup(groupName)
		if err != nil {
			return fmt.Errorf("main.group: %w", err)
		}
		gid, err := strconv.Atoi(g.Gid)
		if err != nil {
			return fmt.Errorf("main.group: id %q of group %q is not a number", g.Gid, groupName)
		}
		if err := syscall.Setgroups([]int{gid}); err != nil {
			return fmt.Errorf("main.group: drop supplementary groups: %w", err)
		}
		if err := syscall.Setgid(gid); err != nil {
			return fmt.Errorf("main.group: change to group %q: %w", groupName, err)
		}
	}
	if userName != "" {
		u, err := user.Lookup(userName)
		if err != nil {
			return fmt.Errorf("main.user: %w", err)
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return fmt.Errorf("main.user: id %q of user %q is not a number", u.Uid, userName)
		}
		if err := syscall.Setuid(uid); err != nil {
			return fmt.Errorf("main.user: change to user %q: %w", userName, err)
		}
	}
	return nil
}
