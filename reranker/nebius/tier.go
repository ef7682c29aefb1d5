package nebius

import "fmt"

// ServiceTier asks Nebius for a class of service. The empty tier leaves the
// member out, which the server reads as auto.
type ServiceTier string

// The tiers that a caller may ask for.
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
)

func (t ServiceTier) check() error {
	switch t {
	case "", TierAuto, TierDefault, TierFlex, TierNoLimit:
		return nil
	case "over-limit":
		return fmt.Errorf(`service tier "over-limit" is a label that only the server gives; ask for auto, default, flex or no-limit`)
	}
	return fmt.Errorf("service tier %q is not one of auto, default, flex, no-limit", string(t))
}
