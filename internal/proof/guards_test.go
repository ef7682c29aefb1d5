package proof_test

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	checkGuards = flag.Bool("guards", false, "take each guard out of a copy of the repository and demand that a test fails")
	onlyGuards  = flag.String("guard", "", "with -guards, only those whose name matches")
)

// guard is a protection, and how to take it out: in the package, without is put in
// the place of with, which stands there once.
type guard struct {
	name, pkg, with, without string
	// tests are the packages whose tests are to notice, tried in this order.
	tests string
}

const (
	inReranker = "./reranker ./reranker/internal/pace ./reranker/cache ./internal/proof"
	inPace     = "./reranker/internal/pace " + inReranker
	inNebius   = "./reranker/nebius ./internal/proof"
	inPipeline = "./pipeline/... ./internal/proof"
)

// TestGuards takes one protection after the other out of a copy of the repository
// and demands that a test fails. It takes minutes and runs on request:
//
//	go test ./internal/proof -run TestGuards -guards -v -timeout 1h
//
// guards.md has the outcome.
func TestGuards(t *testing.T) {
	if !*checkGuards {
		t.Skip("set -guards to take every guard out of a copy of the repository; it takes some minutes")
	}
	repo := t.TempDir()
	require.NoError(t, copyRepository("../..", repo))
	wanted := regexp.MustCompile(*onlyGuards)
	chosen := slices.DeleteFunc(slices.Clone(guards), func(g guard) bool { return !wanted.MatchString(g.name) })
	require.NotEmpty(t, chosen, "no guard has a name like %q", *onlyGuards)
	for _, g := range chosen {
		t.Run(g.name, func(t *testing.T) {
			path, source := passage(t, repo, g)
			require.NoError(t, os.WriteFile(path, []byte(strings.Replace(source, g.with, g.without, 1)), 0o600))
			defer func() { require.NoError(t, os.WriteFile(path, []byte(source), 0o600)) }()
			failed := failing(t, repo, strings.Fields(g.tests))
			require.NotEmpty(t, failed, "no test notices that it is gone")
			t.Logf("| %s | `%s` | %s |", g.name, g.pkg, "`"+strings.Join(failed[:min(3, len(failed))], "`, `")+"`")
		})
	}
}

// TestGuardTableIsUpToDate finds, in every run, a guard whose passage has changed.
func TestGuardTableIsUpToDate(t *testing.T) {
	t.Parallel()
	for _, g := range guards {
		passage(t, filepath.Join("..", ".."), g)
	}
}

// passage returns the one production file of the guard's package that holds its
// passage, and the file's text.
func passage(t *testing.T, repo string, g guard) (path, source string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(repo, filepath.FromSlash(g.pkg), "*.go"))
	require.NoError(t, err)
	found := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if n := strings.Count(string(text), g.with); n > 0 {
			found, path, source = found+n, file, string(text)
		}
	}
	require.Equal(t, 1, found, "%s: its passage stands %d times in package %s: bring the table up to date", g.name, found, g.pkg)
	return path, source
}

var failure = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// failing returns the tests that fail in the first of the packages in which any
// does, without the suites that hold them.
func failing(t *testing.T, repo string, packages []string) []string {
	t.Helper()
	for _, p := range packages {
		if names := failingIn(t, repo, p); len(names) > 0 {
			return names
		}
	}
	return nil
}

func failingIn(t *testing.T, repo, packages string) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "test", "-vet=off", "-timeout", "60s", "-skip", "TestSchedules|TestFaults/46|TestFaults/56", packages)
	cmd.Dir = repo
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	said := string(out)
	require.NotContains(t, said, "[build failed]", "what is left does not compile")
	require.NotContains(t, said, "[setup failed]")
	var names []string
	for _, m := range failure.FindAllStringSubmatch(said, -1) {
		names = append(names, m[1])
	}
	names = slices.DeleteFunc(names, func(n string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, n+"/") })
	})
	if len(names) == 0 {
		at := regexp.MustCompile(`(?m)^(panic: .*|fatal error: .*)$`).FindString(said)
		names = append(names, "the run: "+strings.TrimSpace(at))
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// copyRepository copies what the tests need.
func copyRepository(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			top, _, _ := strings.Cut(filepath.ToSlash(name), "/")
			if name != "." && !slices.Contains([]string{"pipeline", "reranker", "fusion", "retriever", "internal"}, top) {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	})
}
