package bert

import "fmt"

// Kind says what is wrong with a model.
type Kind uint8

// The kinds.
const (
	// Missing: a file or a tensor is not there.
	Missing Kind = iota + 1
	// Malformed: a file contradicts its format, or two files contradict one
	// another.
	Malformed
	// Unsupported: a file is sound and asks for something that this package does
	// not do.
	Unsupported
	// TooLarge: a file or a count is beyond the limits of Options.
	TooLarge
)

// String returns the kind in lower case words.
func (k Kind) String() string {
	switch k {
	case Missing:
		return "missing"
	case Malformed:
		return "malformed"
	case Unsupported:
		return "unsupported"
	case TooLarge:
		return "too large"
	}
	return "invalid kind"
}

// Error is a model that cannot be used.
type Error struct {
	// Kind classifies it.
	Kind Kind
	// File is the file of the model's directory.
	File string
	// Message says what is wrong with it.
	Message string
	// Err is the cause; it may be nil.
	Err error
}

// Error names the file, the kind and the detail.
func (e *Error) Error() string {
	s := fmt.Sprintf("bert: %s: %s", e.File, e.Kind)
	if e.Message != "" {
		s += ": " + e.Message
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func malformed(file, format string, args ...any) error {
	return &Error{Kind: Malformed, File: file, Message: fmt.Sprintf(format, args...)}
}

func unsupported(file, format string, args ...any) error {
	return &Error{Kind: Unsupported, File: file, Message: fmt.Sprintf(format, args...)}
}

func tooLarge(file, format string, args ...any) error {
	return &Error{Kind: TooLarge, File: file, Message: fmt.Sprintf(format, args...)}
}

func missing(file, format string, args ...any) error {
	return &Error{Kind: Missing, File: file, Message: fmt.Sprintf(format, args...)}
}

// clip shortens a name that a file gave, so that an error stays readable.
func clip(name string) string {
	const most = 80
	if len(name) <= most {
		return name
	}
	return name[:most] + "..."
}
