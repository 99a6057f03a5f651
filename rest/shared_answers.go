package rest

import (
	"context"
	"time"
)

// sharedAnswers are answers that several clients get, by what is asked for. It is safe for concurrent
// use.
type sharedAnswers struct {
	busy chan struct{}           // holds a token while an answer is looked for or made
	by   map[string]sharedAnswer // who has the token may read and change it
}

type sharedAnswer struct {
	made time.Time
	body []byte
}

// maxShared bounds the answers that are kept.
const maxShared = 8

func newSharedAnswers() sharedAnswers {
	return sharedAnswers{make(chan struct{}, 1), map[string]sharedAnswer{}}
}

// get returns an answer that is younger than age, and makes one if there is none. One is made at
// a time. An error is not kept.
func (s *sharedAnswers) get(ctx context.Context, key string, age time.Duration, make func() ([]byte, error)) ([]byte, error) {
	select {
	case s.busy <- struct{}{}:
		defer func() { <-s.busy }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := time.Now()
	if known, ok := s.by[key]; ok && now.Sub(known.made) < age {
		return known.body, nil
	}
	for k, one := range s.by { // nobody looks any more
		if now.Sub(one.made) >= age {
			delete(s.by, k)
		}
	}
	body, err := make()
	if err != nil {
		return nil, err
	}
	if len(s.by) < maxShared {
		s.by[key] = sharedAnswer{time.Now(), body}
	}
	return body, nil
}
