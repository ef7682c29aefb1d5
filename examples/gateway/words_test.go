package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/reranker"
	"github.com/rankcascade/cascade/reranker/nebius"
)

// noFlag are options that no flag sets, so that no message about them is reached.
func noFlag() map[string]string {
	return map[string]string{
		"User": "goes with each request", "ServiceTier": "goes with each request", "ProjectID": "goes with each request", "Extra": "not offered",
		"Price": "not offered", "Qwen3": "not offered",
		"TLS": "not offered", "Wire": "not offered", "Lane": "keeps its default", "Anchors": "not offered",
		"ExtraShare": "keeps its default", "Instruction": "goes with each request", "DocumentTokens": "goes with each request",
	}
}

// TestErrorsOfOptionsSpeakOfFlags reads every message of the validation of options
// out of the library's source, and holds it against the flags of this program.
func TestErrorsOfOptionsSpeakOfFlags(t *testing.T) {
	t.Parallel()
	fields := map[string]bool{}
	for _, o := range []reflect.Type{
		reflect.TypeFor[nebius.Options](), reflect.TypeFor[nebius.HandlerOptions](), reflect.TypeFor[reranker.EndpointOptions](), reflect.TypeFor[reranker.ShardOptions](),
	} {
		for i := range o.NumField() {
			fields[o.Field(i).Name] = true
		}
	}
	seen := 0
	for _, dir := range []string{"../../reranker", "../../reranker/nebius"} {
		for _, message := range messages(t, dir) {
			says := inFlags(errors.New(message)).Error()
			for _, word := range regexp.MustCompile(`[A-Z][A-Za-z0-9]+`).FindAllString(says, -1) {
				if !fields[word] || strings.Contains(message, "policy %d") {
					continue
				}
				seen++
				assert.Contains(t, noFlag(), word, "the message %q names an option: add its flag to flagOf", message)
			}
		}
	}
	assert.Greater(t, seen, 5)
	for name := range flagOf() {
		assert.True(t, fields[name], "%s is no option any more", name)
		assert.NotContains(t, noFlag(), name)
	}
}

// messages are the texts of errors that the options' checks of a package make.
func messages(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	var all []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			made, ok := call.Fun.(*ast.SelectorExpr)
			text, isText := call.Args[0].(*ast.BasicLit)
			if ok && isText && (made.Sel.Name == "Errorf" || made.Sel.Name == "New") && text.Kind == token.STRING {
				message, err := strconv.Unquote(text.Value)
				require.NoError(t, err)
				all = append(all, message)
			}
			return true
		})
	}
	require.NotEmpty(t, all)
	return all
}

// What a user of the command line can get wrong is answered in its words.
func TestMistakesAreAnsweredInFlags(t *testing.T) {
	t.Parallel()
	good := []string{"-upstream", "http://127.0.0.1:1", "-model", "m"}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-upstream", "http://192.0.2.1", "-model", "m"}, "-upstream http://192.0.2.1 would send texts and key unencrypted; use https, or set -allow-plain-http"},
		{append(good, "-dialect", "klingon"), `-dialect "klingon" is not known; known are `},
		{[]string{"-upstream", "https://user:pass@example.com", "-model", "m"}, "-upstream has user information in it; name the key's variable by -key-env"},
		{[]string{"-upstream", "https://example.com/#x", "-model", "m"}, "-upstream has a fragment (#...) in it; remove it"},
		{[]string{"-upstream", "ftp://example.com", "-model", "m"}, `-upstream "ftp://example.com" is not an address with https:// and a host`},
		{append(good, "-shards", "-1", "-rpm", "-2"), "-shards is -1: set 0 or more\n-rpm is -2: set 0 or more"},
		{append(good, "-attempts", "0"), "-attempts is 0: set 1 or more"},
		{append(good, "-grace", "0s"), "-grace is 0s: set a time above 0, such as 30s"},
		{append(good, "-part", "x"), "-part names a part of a file: set -config too"},
		{append(good, "-watch", "0s"), "-watch is 0s: set a time above 0, such as 2s"},
		{append(good, "-config", "x.yaml"), "-upstream cannot stand beside -config"},
		{[]string{"-config", "x.yaml", "-rpm", "5", "-wait=false"}, "-rpm, -wait cannot stand beside -config"},
		{[]string{"-config", "x.yaml", "-blank", "score"}, "-blank score needs -upstream"},
		{[]string{"-config", "does-not-exist.yaml"}, "does-not-exist.yaml"},
		{[]string{}, "-upstream is missing: give the URL of a rerank server, or -config"},
	} {
		err := run(t.Context(), append(test.args, "-listen", "127.0.0.1:0"), func(string) string { return "" }, io.Discard)
		require.Error(t, err, test.args)
		assert.ErrorContains(t, err, test.want, test.args)
		for _, option := range []string{"BaseURL", "AllowPlainHTTP", "NoKey", "Options."} {
			assert.NotContains(t, err.Error(), option)
		}
	}
	assert.NoError(t, inFlags(nil))
	cause := errors.New("option Concurrency is 0")
	require.ErrorIs(t, inFlags(cause), cause)
	assert.Equal(t, "-concurrency is 0", inFlags(cause).Error())
}
