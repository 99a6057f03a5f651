package rest

import (
	"runtime"
	"time"
)

// class is a class of endpoints that need the same roles.
type class string

const (
	classQuery class = "query"
	classWrite class = "write"
	classFree  class = "free"
	classDebug class = "debug"
)

// api answers the requests. It is safe for concurrent use.
type api struct {
	store    Store
	log      Log
	auth     *authenticator // nil: everybody may do everything
	logger   *accessLogger
	replies  *replyPools
	gates    *gates
	helpers  *helpers
	clients  clients
	page     *Page                                                 // nil: there is none
	states   sharedAnswers                                         // of the program
	hosts    sharedAnswers                                         // the lists of them
	degraded func() error                                          // see Config.Degraded
	observe  func(endpoint string, status int, took time.Duration) // see Config.Observe
}

func newAPI(cfg Config, set settings, s Store, l Log) *api {
	a := &api{store: s, log: l, logger: newAccessLogger(cfg.Logger), replies: newReplyPools(), gates: newGates(cfg.PrometheusQueries), helpers: newHelpers(runtime.GOMAXPROCS(0)), page: cfg.Page, states: newSharedAnswers(), hosts: newSharedAnswers(), degraded: cfg.Degraded, observe: cfg.Observe}
	if set.key != nil {
		a.auth = newAuthenticator(set.key, set.need)
	}
	return a
}
