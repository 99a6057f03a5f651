package rest

// decodeQuery decodes a text that is an object and nothing else. req is empty, but for room
// for the queries. It returns false, and leaves req so, if there is anything in the text that
// clients have no reason to send, be it valid or not: unknown and repeated members, escapes,
// texts beyond ASCII, integers of another form. That is left to encoding/json. What it does
// decode has the value that encoding/json gives it, in a fraction of the time: a request of
// many queries takes longer to read than to answer otherwise.
func decodeQuery(text []byte, req *queryRequest) bool {
	d := queryDecoder{text: text, items: req.Queries[:0]}
	var got queryRequest
	d.request(&got)
	if d.odd || d.at < len(text) {
		clear(d.items[:cap(d.items)])
		return false
	}
	*req = got
	return true
}

// queryDecoder goes through a text once. What it meets that is not usual makes it odd: then
// it comes to an end, and its results mean nothing.
type queryDecoder struct {
	text  []byte
	at    int
	odd   bool
	items []queryItem // room for the queries

	// names holds texts that may come again, which most do, each at the place that it is
	// hashed to.
	names [256]string
	// numbers is room for numbers that are pointed to.
	numbers []int64
}

// request reads the whole.
func (d *queryDecoder) request(req *queryRequest) {
	var seen members
	for more := d.begin('{', '}'); more; more = d.goOn('}') {
		switch string(d.key()) {
		case "cluster":
			d.once(&seen, 0)
			req.Cluster = d.string()
		case "from":
			d.once(&seen, 1)
			req.From = d.integer()
		case "to":
			d.once(&seen, 2)
			req.To = d.integer()
		case "queries":
			d.once(&seen, 3)
			req.Queries = d.queries()
		case "for-all-nodes":
			d.once(&seen, 4)
			req.ForAllNodes = d.strings()
		case "with-stats":
			d.once(&seen, 5)
			req.WithStats = d.optionalBool()
		case "with-data":
			d.once(&seen, 6)
			req.WithData = d.optionalBool()
		case "with-padding":
			d.once(&seen, 7)
			req.WithPadding = d.optionalBool()
		case "resample-algo":
			d.once(&seen, 8)
			req.ResampleAlgo = d.string()
		default:
			d.odd = true
		}
	}
}

// queries reads an array of objects, or null.
func (d *queryDecoder) queries() []queryItem {
	if d.null() {
		return nil
	}
	n := 0
	for more := d.begin('[', ']'); more; more = d.goOn(']') {
		if n == cap(d.items) { // there is room for as many as there are objects
			d.odd = true
			break
		}
		n++
		d.item(&d.items[:n][n-1])
	}
	return d.items[:n]
}

// item reads a query.
func (d *queryDecoder) item(item *queryItem) {
	var seen members
	for more := d.begin('{', '}'); more; more = d.goOn('}') {
		switch string(d.key()) {
		case "metric":
			d.once(&seen, 0)
			item.Metric = d.string()
		case "host":
			d.once(&seen, 1)
			item.Host = d.string()
		case "type":
			d.once(&seen, 2)
			item.Type = d.string()
		case "type-ids":
			d.once(&seen, 3)
			item.TypeIDs = d.strings()
		case "subtype":
			d.once(&seen, 4)
			item.Subtype = d.string()
		case "subtype-ids":
			d.once(&seen, 5)
			item.SubtypeIDs = d.strings()
		case "resolution":
			d.once(&seen, 6)
			item.Resolution = d.integer()
		case "scale-by":
			d.once(&seen, 7)
			item.ScaleBy = d.number()
		case "aggreg":
			d.once(&seen, 8)
			item.Aggregate = d.bool()
		case "from":
			d.once(&seen, 9)
			item.From = d.optionalInteger()
		case "to":
			d.once(&seen, 10)
			item.To = d.optionalInteger()
		default:
			d.odd = true
		}
	}
}

// members has a bit for each member of an object that was read.
type members uint16

// once notes a member, which is odd if it was read before.
func (d *queryDecoder) once(seen *members, member int) {
	if *seen&(1<<member) != 0 {
		d.odd = true
	}
	*seen |= 1 << member
}
