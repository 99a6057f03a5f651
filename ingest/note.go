package ingest

// note keeps the key of d.line, which became a sample, for the memo to learn.
func (d *decoder) note(line []byte, group, sample int32) {
	if k, ok := d.notable(line); ok {
		d.addNote(group, note{key: k, sample: sample})
	}
}

func (d *decoder) addNote(group int32, n note) {
	d.out.learn[group].notes = append(d.out.learn[group].notes, n)
}

// noteStranger keeps the key of d.line, whose metric is not configured.
func (d *decoder) noteStranger(line []byte) {
	if k, ok := d.notable(line); ok {
		d.keepStranger(k)
	}
}

func (d *decoder) keepStranger(k rawKey) {
	if len(d.strangers) < mostStrangers {
		d.strangers = append(d.strangers, stranger{hostKey{d.line.cluster, d.line.host}, k, d.line.stranger})
	}
}

// noteStrangers gives the strangers to the batches of their hosts.
func (d *decoder) noteStrangers() {
	for _, s := range d.strangers {
		if group, ok := d.groups[s.host]; ok {
			d.addNote(group, note{key: s.key, sample: notConfigured, stranger: s.number})
		}
	}
	clear(d.strangers)
	if cap(d.strangers) > fewStrangers {
		d.strangers = nil
	}
}

const (
	// fewStrangers is for how many strangers a decoder keeps the memory.
	fewStrangers = 1 << 12
	// mostStrangers of an entry are kept: an entry may hold nothing else.
	mostStrangers = 1 << 14
)

// longestKey is the length of the longest key that is remembered, without its host: a
// limit of the number of shapes is then one of their memory.
const longestKey = 1 << 10

// notable returns the key of a line, unless there is something about it that
// may mean something else in another line, or it is too long to be remembered.
func (d *decoder) notable(line []byte) (rawKey, bool) {
	if d.out.scope < 0 {
		return rawKey{}, false
	}
	k, ok := cutKey(line)
	ok = ok && len(k.before)+len(k.after) <= longestKey
	return k, ok && k.isPlain() && string(k.host) == d.line.host
}
