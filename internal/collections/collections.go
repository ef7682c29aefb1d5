package collections

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the folder of the named collection. It is looked for in the
// folder that CASCADE_COLLECTIONS names, else in ../shared/collections beside
// the repository. Where it is not there, the test is skipped with a message
// that says how to provide it.
func Dir(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("CASCADE_COLLECTIONS")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "collections")
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("collection %s is not here: set CASCADE_COLLECTIONS to a folder that holds it", name)
	}
	return dir
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("go.mod not found above the test's folder")
		}
		dir = parent
	}
}
