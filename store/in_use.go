package store

// hostSet is a set of hosts by cluster, as Config.InUse returns it. The nil set is
// empty.
type hostSet map[string]map[string]bool

func (s *hostSet) contains(k hostKey) bool { return s != nil && (*s)[k.cluster][k.host] }
