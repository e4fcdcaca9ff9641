package aws

import (
	"maps"
	"time"
)

// lag is how long a policy write takes to be enforced. Each region of AWS decides by its own copy
// of IAM's data, and gets it at its own time (IAM User Guide, "Resilience in AWS Identity and
// Access Management").
type lag struct {
	others  time.Duration            // in regions that are not named
	regions map[string]time.Duration // never changed once it is here
}

// in is the lag of one region.
func (l lag) in(region string) time.Duration {
	if d, ok := l.regions[region]; ok {
		return d
	}
	return l.others
}

// longest is the lag after which every region has a write.
func (l lag) longest() time.Duration {
	d := l.others
	for _, other := range l.regions {
		d = max(d, other)
	}
	return d
}

// SetPropagation changes Config.Propagation for the writes from now on; writes that are on their
// way keep their time, and regions with a time of their own keep that.
func (s *Server) SetPropagation(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag.others = d
}

// SetRegionPropagation gives one region a time of its own for the writes from now on; a negative
// time makes it like the others again. Calls of IAM are decided in the partition's home region, all
// others in the region they are signed for.
func (s *Server) SetRegionPropagation(region string, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	regions := maps.Clone(s.lag.regions)
	if regions == nil {
		regions = map[string]time.Duration{}
	}
	if d < 0 {
		delete(regions, region)
	} else {
		regions[region] = d
	}
	s.lag.regions = regions
}
