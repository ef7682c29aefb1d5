package kind

import "path/filepath"

// Scope is where a part is built: it knows the folder of the file and collects
// what has to be closed. It is used by one goroutine.
type Scope struct {
	// Folder is where relative paths in the file start; empty means the working
	// directory.
	Folder  string
	closers []func() error
}

// Path returns a path of the file as the program can open it.
func (s *Scope) Path(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(s.Folder, path)
}

// OnClose has a function called when the pipeline is closed, the newest first. A
// kind that opens a connection or an index closes it so.
func (s *Scope) OnClose(closer func() error) { s.closers = append(s.closers, closer) }

// Close calls what OnClose collected, the newest first, and returns the errors in
// that order. A second call does nothing.
func (s *Scope) Close() []error {
	var errs []error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil {
			errs = append(errs, err)
		}
	}
	s.closers = nil
	return errs
}

// Secret is a setting that never stands in a file: the file names a variable of
// the environment, key: {env: NEBIUS_API_KEY}. It prints as a placeholder.
type Secret string

// String hides the value.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(secret)"
}

// GoString hides the value.
func (s Secret) GoString() string { return s.String() }

// Reveal returns the value.
func (s Secret) Reveal() string { return string(s) }
