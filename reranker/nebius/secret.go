package nebius

import (
	"errors"
	"fmt"
	"strings"
)

// secret holds the key where no printing, encoding or reflection meets it.
type secret struct{ reveal func() string }

// newSecret cleans a key as people paste it. The error never repeats it.
func newSecret(key string, needed bool) (secret, error) {
	key = strings.TrimSpace(key)
	switch {
	case key == "" && needed:
		return secret{}, errors.New("the key is empty; pass one, or set NoKey for a server that takes none")
	case len(key) > 7 && strings.EqualFold(key[:7], "bearer "):
		return secret{}, errors.New(`the key begins with "Bearer"; pass the key alone`)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] >= 0x7f {
			return secret{}, fmt.Errorf("the key has a space, a control character or a letter outside of ASCII at byte %d", i)
		}
	}
	return secret{reveal: func() string { return key }}, nil
}

func (s secret) value() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// String hides the key.
func (s secret) String() string { return "[redacted]" }

// GoString hides the key.
func (s secret) GoString() string { return "[redacted]" }
