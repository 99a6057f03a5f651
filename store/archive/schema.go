package archive

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// column is one of the columns of a file. Its number is its place in the files that we write.
type column int

const (
	columnCluster column = iota
	columnHost
	columnMetric
	columnScope
	columnScopeID
	columnTimestamp
	columnFrequency
	columnValue
	columnSubtype
	columnSubtypeID
	columnBlockStart
	columnBlockEnd
	columns // how many there are
)

// columnKind is what the values of a column are.
type columnKind int

const (
	kindString columnKind = iota
	kindInt
	kindFloat
)

// columnInfo says how a column is called and what it holds.
type columnInfo struct {
	name     string
	kind     columnKind
	required bool // a file without it is no file of samples
}

func schema() [columns]columnInfo {
	return [columns]columnInfo{
		columnCluster:    {"cluster", kindString, true},
		columnHost:       {"hostname", kindString, true},
		columnMetric:     {"metric", kindString, true},
		columnScope:      {"scope", kindString, true},
		columnScopeID:    {"scope_id", kindString, true},
		columnTimestamp:  {"timestamp", kindInt, true},
		columnFrequency:  {"frequency", kindInt, true},
		columnValue:      {"value", kindFloat, true},
		columnSubtype:    {"stype", kindString, false},
		columnSubtypeID:  {"stype_id", kindString, false},
		columnBlockStart: {"block_start", kindInt, false},
		columnBlockEnd:   {"block_end", kindInt, false},
	}
}

const (
	// nodeScope is the scope of the host itself.
	nodeScope = "node"
	// threadScope is a hardware thread, which the original program also calls cpu.
	threadScope  = "hwthread"
	foreignCPU   = "cpu"
	keyVersion   = "cc-metric-store.archive"
	keySequence  = "cc-metric-store.sequence"
	keyHosts     = "cc-metric-store.hosts"
	version      = 1
	createdBy    = "cc-metric-store version 1"
	parquetMagic = "PAR1"
)

// dictionaryColumns are those with few values: they are kept in runs, and written as
// indexes into a dictionary.
func dictionaryColumns() []column {
	return []column{columnCluster, columnHost, columnMetric, columnScope, columnScopeID, columnFrequency, columnSubtype, columnSubtypeID, columnBlockStart, columnBlockEnd}
}

// schemaElements is the schema of the files that we write.
func schemaElements() []format.SchemaElement {
	elements := []format.SchemaElement{{Name: "samples", NumChildren: thrift.New(int32(columns))}}
	for _, c := range schema() {
		e := format.SchemaElement{Name: c.name, RepetitionType: thrift.New(format.Required)}
		switch c.kind {
		case kindString:
			e.Type = thrift.New(format.ByteArray)
			e.ConvertedType = thrift.New(deprecated.UTF8)
			e.LogicalType = format.LogicalType{Value: &format.StringType{}}
		case kindInt:
			e.Type = thrift.New(format.Int64)
		case kindFloat:
			e.Type = thrift.New(format.Double)
		}
		elements = append(elements, e)
	}
	return elements
}
