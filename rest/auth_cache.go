package rest

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxGrants is how many tokens a tokenCache knows at the most.
const maxGrants = 1024

// tokenCache has what valid tokens grant, by the hash of the token, so that
// its size does not depend on their length. It is safe for concurrent use.
type tokenCache struct {
	mu     sync.Mutex
	grants map[[sha256.Size]byte]grant // guarded by mu
}

func newTokenCache() *tokenCache {
	return &tokenCache{grants: map[[sha256.Size]byte]grant{}}
}

// get returns what a token grants. It returns false if the token is not known or has
// expired.
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

// put adds a valid token, for which another one may have to go.
func (c *tokenCache) put(token string, g grant, now time.Time) {
	key := sha256.Sum256([]byte(token))
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.grants) >= maxGrants {
		c.makeRoomLocked(now)
	}
	c.grants[key] = g
}

// makeRoomLocked drops the grants that have expired, and if none have, any one.
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
