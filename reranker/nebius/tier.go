package nebius

import "fmt"

// ServiceTier asks Nebius for a class of service. The empty tier leaves the
// member out, which the server reads as auto.
type ServiceTier string

// The tiers.
const (
	// TierAuto is the better of default and over-limit.
	TierAuto ServiceTier = "auto"
	// TierDefault is refused with 429 at the rate limit and never served at low
	// priority.
	TierDefault ServiceTier = "default"
	// TierFlex spends no rate limit and has a low priority.
	TierFlex ServiceTier = "flex"
	// TierNoLimit is in the contract without an explanation.
	TierNoLimit ServiceTier = "no-limit"
	// TierOverLimit is a label that the server gives to what it serves beyond the
	// limit. The contract lists it among the tiers of a request, so it is sent when
	// it is asked for.
	TierOverLimit ServiceTier = "over-limit"
	// TierNull sends null, which the contract allows and reads as auto.
	TierNull ServiceTier = "null"
)

func (t ServiceTier) check() error {
	switch t {
	case "", TierAuto, TierDefault, TierFlex, TierNoLimit, TierOverLimit, TierNull:
		return nil
	}
	return fmt.Errorf("service tier %q is not one of auto, default, flex, no-limit, over-limit, null", printable(string(t), 40))
}

// json is the tier as it is sent.
func (t ServiceTier) json() []byte {
	if t == TierNull {
		return []byte("null")
	}
	return appendString(nil, string(t))
}
