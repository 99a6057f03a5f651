package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const includeSuffix = "-file"

// include replaces each <section>-file key of root by the section from that
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

// readSection looks for the file beside the including file and then in the
// working directory.
func readSection(file, directory, name string, found *findings) (*node, error) {
	place := absolute(file)
	if !filepath.IsAbs(file) {
		beside := filepath.Join(absolute(directory), file)
		if _, err := os.Stat(beside); !errors.Is(err, fs.ErrNotExist) {
			place = beside
		}
	}
	if err := readableFile(place); err != nil {
		return nil, err
	}
	data, err := os.ReadFile(place)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	section, err := parseJSON(data, name, place, found)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return section, nil
}
