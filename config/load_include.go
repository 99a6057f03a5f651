package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const includeSuffix = "-file"

// include replaces each key <section>-file of root by the section, which it reads from that
// file. Included files include nothing themselves.
func include(root *node, directory string, found *findings) {
	members, _ := root.value.(object)
	for _, name := range sectionNames() {
		key := members[name+includeSuffix]
		if key == nil {
			continue
		}
		delete(members, name+includeSuffix)
		if key.value == nil || key.value == "" {
			continue
		}
		file, ok := key.value.(string)
		if !ok {
			found.fault(key, "found %s, wanted the name of a file in quotes", describe(key.value))
			members[name] = root.child(name, invalid{})
			continue
		}
		if given := members[name]; given != nil && given.value != nil {
			found.fault(key, "the section %s is in this file as well: keep one of the two", name)
			continue
		}
		content, err := readSection(file, directory, name, found)
		if err != nil {
			found.fault(key, "%s", err)
			content = root.child(name, invalid{})
		}
		members[name] = content
	}
}

// readSection reads a file, which it looks for beside the including file and then in the
// working directory.
func readSection(file, directory, name string, found *findings) (*node, error) {
	path := absolute(file)
	if !filepath.IsAbs(file) {
		beside := filepath.Join(absolute(directory), file)
		if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
			path = beside
		}
	}
	if err := readableFile(path); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	section, err := parseJSON(data, name, path, found)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return section, nil
}
