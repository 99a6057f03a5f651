package rest

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxGrants bounds a tokenCache.
const maxGrants = 1024

// tokenCache remembers tokens that were found valid, by their hash, so that
// its size does not depend on their length. It is safe for concurrent use.
type tokenCache struct {
	mu     sync.Mutex
	grants map[[sha256.Size]byte]grant // guarded by mu
}

func newTokenCache() *tokenCache {
	return &tokenCache{grants: map[[sha256.Size]byte]grant{}}
}

func (c *tokenCache) get(token string, now time.Time) (grant, bool) {
	key := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.grants[key]
	if ok && g.expired(now) {
		delete(c.grants, key)
		return grant{}, false
	}
	return g, ok
}

func (c *tokenCache) put(token string, g grant, now time.Time) {
	key := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.grants) >= maxGrants {
		c.makeRoomLocked(now)
	}
	c.grants[key] = g
}

// makeRoomLocked drops what has expired, and if nothing has, any one grant.
func (c *tokenCache) makeRoomLocked(now time.Time) {
	for key, g := range c.grants {
		if g.expired(now) {
			delete(c.grants, key)
		}
	}
	for key := range c.grants {
		if len(c.grants) < maxGrants {
			return
		}
		delete(c.grants, key)
	}
}
