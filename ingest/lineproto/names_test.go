package lineproto

import (
	"strings"
	"testing"
)

func TestLongNamesAreNotKept(t *testing.T) {
	var in interner
	long := strings.Repeat("n", maxInternedName+1)
	if got := in.intern([]byte(long)); got != long || len(in.names) != 0 {
		t.Errorf("%d names kept", len(in.names))
	}
	if in.intern([]byte(long[1:])); len(in.names) != 1 {
		t.Errorf("%d names kept, want 1", len(in.names))
	}
}
