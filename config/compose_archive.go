package config

import "time"

// archive reads the section cleanup, or the one that former versions had.
func (c composer) archive(n *node) Archive {
	cleanup, former := n.at("cleanup"), n.at("archive")
	mode := cleanup.at("mode")
	if mode == nil && cleanup == nil && former != nil {
		return c.formerArchive(former)
	}
	if former != nil {
		c.found.warn(former, noEffect+"the section cleanup has replaced it, and is given, too")
	}
	if read(mode, cleanupDelete) != cleanupArchive {
		for _, key := range []string{"directory", "keep", "max-bytes"} {
			if given := cleanup.at(key); given != nil && !given.isEmpty() {
				c.found.warn(given, noEffect+`samples older than the retention are deleted, unless cleanup.mode is "archive"`)
			}
		}
		return Archive{}
	}
	return Archive{
		Directory: read(cleanup, defaultArchive, "directory"),
		Keep:      read(cleanup, time.Duration(0), "keep"),
		MaxBytes:  read(cleanup, int64(0), "max-bytes"),
	}
}

// formerArchive reads the section archive.
func (c composer) formerArchive(n *node) Archive {
	if n.isEmpty() || read(n, false, "delete-instead") {
		return Archive{}
	}
	if given := n.at("interval"); given != nil {
		c.found.warn(given, noEffect+"the archive is written every half retention-in-memory")
	}
	return Archive{Directory: read(n, defaultArchive, "directory")}
}
