package test

import (
	"net/url"
	"strings"
	"testing"
)

// goldenRequests is their number in the recording, so that a reader that skips
// some does not pass.
const goldenRequests = 119

func TestConformanceOverREST(t *testing.T) {
	t.Parallel()
	g := loadGolden(t)
	n := start(t, conformanceConfig(g))
	replayGolden(t, g, func(s *goldenStep) answer {
		return n.send(s.Request.Method, s.Request.Path, s.Request.Body)
	})
}

// TestConformanceOverNATS takes the way of a collector for all writes that are
// to succeed.
func TestConformanceOverNATS(t *testing.T) {
	t.Parallel()
	g := loadGolden(t)
	n := start(t, conformanceConfig(g))
	c := n.client()
	published := 0
	replayGolden(t, g, func(s *goldenStep) answer {
		r := s.Request
		if !strings.HasPrefix(r.Path, "/api/write") || s.Answer.Status != 200 {
			return n.send(r.Method, r.Path, r.Body)
		}
		n.publish(c, conformanceSubject(t, r.Path), r.Body)
		published++
		return answer{status: 200}
	})
	if published < 30 {
		t.Errorf("only %d writes went over NATS", published)
	}
}

func conformanceConfig(g golden) object {
	cfg := baseConfig()
	cfg["metrics"] = g.Metrics
	section(cfg, "metric-store")["nats-subscriptions"] = subscriptions(subject, "", "tagged.alex", "alex")
	return cfg
}

// conformanceSubject is the one whose cluster tag is the cluster of the URL.
func conformanceSubject(t *testing.T, path string) string {
	u, err := url.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	switch cluster := u.Query().Get("cluster"); cluster {
	case "":
		return subject
	case "alex":
		return "tagged.alex"
	default:
		t.Fatalf("no subscription has the cluster tag %q", cluster)
		return ""
	}
}

func replayGolden(t *testing.T, g golden, do func(*goldenStep) answer) {
	total, differ := 0, 0
	for _, sc := range g.Scenarios {
		for i := range sc.Steps {
			s := &sc.Steps[i]
			total++
			a := do(s)
			if d := s.difference(a); d != "" {
				differ++
				t.Errorf("%s, step %d: %s %s %s\n  %s\n  answer: %d %s", sc.Name, i,
					s.Request.Method, s.Request.Path, clip(s.Request.Body), d, a.status, clip(a.body))
			}
		}
	}
	t.Logf("%d of %d requests agree", total-differ, total)
	if total != goldenRequests {
		t.Errorf("the recording has %d requests, want %d", total, goldenRequests)
	}
}
