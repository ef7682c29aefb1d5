package redis

import "time"

// SetMinute makes a minute of the quotas shorter.
func (s *State) SetMinute(d time.Duration) { s.minute = d }
