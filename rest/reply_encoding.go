package rest

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// wantsGzip reports whether a large answer is to be compressed: the client reads gzip, and a
// network lies between. On this machine, compressing takes longer than sending what it
// spares, and decompressing several times as long.
func wantsGzip(r *http.Request) bool {
	return acceptsGzip(r.Header.Values(echo.HeaderAcceptEncoding)) && !isLocal(r)
}

// isLocal reports whether the request comes from this machine, and not from a proxy that says
// that it passes on the request of somebody else.
func isLocal(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	if from := from.Addr().Unmap(); !from.IsLoopback() {
		to, _ := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if to == nil || to.AddrPort().Addr().Unmap() != from {
			return false
		}
	}
	return !slices.ContainsFunc([]string{"Forwarded", "Via", echo.HeaderXForwardedFor, echo.HeaderXRealIP}, func(field string) bool {
		return len(r.Header.Values(field)) > 0
	})
}

// acceptsGzip reports whether the fields of an Accept-Encoding header name gzip
// with a weight above 0.
func acceptsGzip(fields []string) bool {
	any := false
	for _, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			name, parameters, _ := strings.Cut(item, ";")
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "gzip" || name == "x-gzip" {
				return weight(parameters) > 0
			}
			any = any || name == "*" && weight(parameters) > 0
		}
	}
	return any
}

// weight returns the q parameter; 1 if there is none, 0 if it is no number.
func weight(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); strings.EqualFold(name, "q") {
			q, err := strconv.ParseFloat(value, 64)
			if err != nil {
				return 0
			}
			return q
		}
	}
	return 1
}
