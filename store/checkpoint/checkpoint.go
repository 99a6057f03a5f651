// Package checkpoint keeps copies of the store on disk. A checkpoint holds the store as the
// entries of the log up to a position have made it, so that a start reads the log from there
// on and not from its beginning.
//
// A checkpoint is one file, beside segments: files with the sealed blocks, which
// are written once and shared by the checkpoints after it. FORMAT.md draws the
// bytes and says why a crash or a damaged disk at any moment does no harm.
package checkpoint

import (
	"errors"
	"time"

	"cc-metric-store/store/chunk"
)

// ErrDamaged is wrapped by the errors of files that are not as they were
// written.
var ErrDamaged = errors.New("damaged")

// ErrVersion is wrapped by the errors of files that another version of the
// program wrote, and this one cannot read.
var ErrVersion = errors.New("written by another version of cc-metric-store")

// LogPosition is an entry of the log, with what tells it from another one that has its
// sequence number. The zero value is before the first entry. There is no epoch in it: each run of
// the program counts epochs for itself.
type LogPosition struct {
	Stream  string    `json:"stream"`
	Created time.Time `json:"created"`  // of the stream
	Entry   uint64    `json:"entry"`    // its sequence number
	EntryAt time.Time `json:"entry_at"` // when the log stored it
}

// Header says what a checkpoint holds.
type Header struct {
	// Position is the newest entry up to which everything is in the checkpoint.
	Position LogPosition `json:"position"`
	// Written is when the checkpoint was begun.
	Written time.Time `json:"written"`
	// Metrics lists the names of all metrics; hosts refer to them by index. A metric with
	// several intervals is listed once for each. More may follow between the hosts.
	Metrics []string `json:"metrics"`
	// Eras is how the metrics were configured, as in the file ERAS.
	Eras []Era `json:"eras,omitempty"`
}

// Era is how the metrics were configured in a span of the log's time.
type Era struct {
	// Since is when it began, in Unix nanoseconds; it ends with the next one.
	Since int64 `json:"since"`
	// Metrics holds the sampling interval of each metric that was configured, in
	// seconds.
	Metrics map[string]int64 `json:"metrics"`
	// Any is the interval of all others, 0 if they were not accepted.
	Any int64 `json:"any,omitempty"`
}

// End is what is known when all hosts are written.
type End struct {
	// HighWater is the newest entry of which anything is in the checkpoint. Once the log is
	// replayed up to it, all hosts are at one entry again.
	HighWater LogPosition `json:"head"`
	Hosts     int         `json:"hosts"`
	// Segments lists those with blocks of this checkpoint.
	Segments []SegmentUse `json:"segments"`
}

// SegmentUse says how much of a segment a checkpoint needs.
type SegmentUse struct {
	ID    uint64 `json:"id"`
	Bytes int64  `json:"bytes"` // size of the file
	Used  int64  `json:"used"`  // bytes of the blocks in use
}

// Host is one host with all its samples.
type Host struct {
	Cluster, Name string
	// Applied is the last entry that took effect on the host: all entries up to it that
	// concern the host are in the checkpoint, and none after it.
	Applied uint64
	// Gone says that the host was dropped. A replay of the entries up to Applied must not
	// bring it back.
	Gone  bool
	Parts []Part
	Grids []Grid
}

// Part is a part of a host, such as a socket.
type Part struct{ Type, ID, Subtype, SubID string }

// Grid holds the series with one sampling interval.
type Grid struct {
	Frequency int64 // seconds
	Columns   int32 // how many columns were given out, also to series that are gone
	Series    []Series
	Blocks    []Block // ascending
}

// Series says in which column a series is: Part is an index into Host.Parts, Metric one
// into Header.Metrics.
type Series struct {
	Part, Metric, Column int32
}

// Block holds the values of a row of slots of all columns.
type Block struct {
	Start, End int64 // Unix seconds
	Slots      int   // the last one may be cut short by End
	// Open says that the block was not sealed yet: it lies in the checkpoint
	// itself and not in a segment.
	Open bool
	// Sparse says that the block has only patches, which lie in the checkpoint.
	Sparse  bool
	Values  chunk.Group
	Totals  chunk.Keyed // made of the values of a sealed block
	Patches []Patch     // to the values, in the order in which they apply
	// Ref says where the values of a sealed block lie, zero if they are in no segment yet.
	Ref BlockRef
}

// Patch is a single value: one that arrived after its block was sealed, or one of a sparse
// block.
type Patch struct {
	Column, Slot int32
	Value        float64
}

// BlockRef locates a record in a segment.
type BlockRef struct {
	Segment uint64
	Offset  int64
	Length  uint32
}
