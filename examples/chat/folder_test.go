package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/rankcascade/cascade/pipeline"
)

func TestTextsAreDecoded(t *testing.T) {
	t.Parallel()
	wide := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune("Zwölf Zwiebeln")) {
		wide = append(wide, byte(u), byte(u>>8))
	}
	for name, c := range map[string]struct {
		raw  string
		want string
		ok   bool
	}{
		"UTF-8":                    {"Grüße\nan alle", "Grüße\nan alle", true},
		"with a mark":              {"\xef\xbb\xbfGrüße", "Grüße", true},
		"of Windows":               {"Gr\xfc\xdfe \x93an\x94 alle\r\n", "Grüße “an” alle\n", true},
		"of an old Mac":            {"one\rtwo", "one\ntwo", true},
		"UTF-16":                   {string(wide), "Zwölf Zwiebeln", true},
		"nothing":                  {"", "", true},
		"zero bytes":               {"a\x00b", "", false},
		"a picture":                {"\x89PNG\r\n\x1a\n" + strings.Repeat("\x01\x02\xff", 50), "", false},
		"a mark and then no UTF-8": {"\xef\xbb\xbfa very long line with one \xff in it, which is still a text that can be read", "a very long line with one \uFFFD in it, which is still a text that can be read", true},
	} {
		got, ok := decoded([]byte(c.raw))
		assert.Equal(t, c.ok, ok, name)
		if c.ok {
			assert.Equal(t, c.want, got, name)
		}
	}
}

// A folder as people have them: what is text is read, the rest is named.
func TestAFolderWithRubbish(t *testing.T) {
	t.Parallel()
	dir := folderOf(t, map[string]string{
		"good.md": "# Good\n\nThe caretaker feeds the ravens.\n", "empty.md": "", "blank.txt": " \n\t\n", "picture.md": "\x89PNG\x00\x01",
		"broken.md": "# Gr\xfc\xdfe\n\nDie T\xfcr ist gr\xfcn.\n", ".hidden.md": "# Hidden\n\nNobody reads this.\n",
		"folder.md/inner.md": "# Inner\n\nA folder may be called like a file.\n", strings.Repeat("deep/", 40) + "x.txt": "The diver has a compass.",
		"table.html": "<table><tr><td>Price</td><td>12 euros</td></tr></table><p onclick='x()'>Open &lt;now&gt;", "long.txt": strings.Repeat("word ", 100_000),
		"code.md": "```\n" + strings.Repeat("x = 1\n", 20_000) + "```\n",
	})
	require.NoError(t, os.WriteFile(filepath.Join(dir, "big.txt"), make([]byte, maxFile+1), 0o600))
	require.NoError(t, os.Symlink(".", filepath.Join(dir, "loop")))
	require.NoError(t, os.Symlink("/etc/hostname", filepath.Join(dir, "outside.txt")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "dangling.md")))
	f := &folder{root: dir}
	documents, err := f.read(t.Context())
	require.NoError(t, err)
	sources := map[string]string{}
	for _, d := range documents {
		source, _ := d.Metadata[pipeline.SourceKey].(string)
		sources[source] += d.Text + "\n"
		assert.LessOrEqual(t, len(d.Text), 3*chunkMost, source)
	}
	assert.Contains(t, sources["broken.md"], "Die Tür ist grün.")
	assert.Contains(t, sources["table.html"], "Price | 12 euros")
	assert.Contains(t, sources["table.html"], "Open <now>")
	for _, source := range []string{"good.md", "folder.md/inner.md", strings.Repeat("deep/", 40) + "x.txt", "long.txt", "code.md"} {
		assert.Contains(t, sources, source)
	}
	assert.Len(t, sources, 7)
	assert.Equal(t, map[string]string{"big.txt": "larger than 8 MB", "picture.md": "no text"}, f.left)
	assert.Equal(t, "; 2 left out: big.txt (larger than 8 MB) picture.md (no text)", f.leftOut())

	if runtime.GOOS == "linux" && os.Getuid() != 0 {
		require.NoError(t, os.Chmod(filepath.Join(dir, "good.md"), 0))
		_, err = (&folder{root: dir}).read(t.Context())
		assert.NoError(t, err)
	}
	// A file that stops being text leaves, and so does one that grows too large.
	var gone []string
	require.NoError(t, os.WriteFile(filepath.Join(dir, "good.md"), []byte("now \x00 binary"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "broken.md"), make([]byte, maxFile+1), 0o600))
	require.NoError(t, f.changes(t.Context(), func(source string, documents []pipeline.Document) error {
		assert.Empty(t, documents)
		gone = append(gone, source)
		return nil
	}))
	assert.ElementsMatch(t, []string{"good.md", "broken.md"}, gone)
	f.left = map[string]string{"1": "", "2": "", "3": "", "4": "", "5": "", "6": ""}
	assert.Contains(t, f.leftOut(), "6 left out:")
	assert.Contains(t, f.leftOut(), "and others")
}

func TestDocumentsInOtherLanguages(t *testing.T) {
	t.Parallel()
	b := testBot(t, options{model: "minilm", docs: folderOf(t, map[string]string{
		"urlaub.md": "# Urlaubsregelung\n\nMitarbeiter haben 30 Tage Urlaub im Jahr. Der Resturlaub verfällt am 31. März des Folgejahres, wenn er nicht genommen wird.\n",
		"krank.md":  "# Krankheit\n\nAb dem dritten Tag einer Krankheit ist ein ärztliches Attest nötig. Wer krank ist, ruft vor neun Uhr an.\n",
		"reise.md":  "# Reisen\n\nZüge werden in der zweiten Klasse gebucht. Für Flüge ist die Zustimmung der Leitung nötig, und zwar vor der Reise.\n",
	})})
	assert.Nil(t, b.embedded, "a model of English judges no German")
	assert.Contains(t, b.opened(0), "in the language de")
	c := connect(t, b)
	assert.Contains(t, c.ask("Wie viele Tage Urlaub habe ich?").text(), "> Mitarbeiter haben 30 Tage Urlaub im Jahr.")
	assert.Contains(t, c.ask("Und wann verfällt der Resturlaub?").text(), "am 31. März des Folgejahres")
	assert.Contains(t, c.ask("In welcher Klasse werden Züge gebucht?").text(), "zweiten Klasse")
	_, unknown := c.ask("Wie hoch ist der Eiffelturm?").first("unknown")
	assert.True(t, unknown)

	mixed := connect(t, testBot(t, options{docs: folderOf(t, map[string]string{
		"fr.md": "# Congés\n\nLes employés ont droit à 25 jours de congés payés par an.\n",
		"zh.md": "# 请假制度\n\n员工每年有十五天带薪年假。请假需要提前三天在系统中申请。\n",
		"en.md": "# Museum\n\nThe museum shows old maps, and it opens at ten on weekdays for everybody who wants to see them.\n",
	})}))
	assert.Contains(t, mixed.ask("Combien de jours de congés ai-je ?").text(), "25 jours de congés")
	assert.Contains(t, mixed.ask("年假有多少天？").text(), "十五天")
	assert.Contains(t, mixed.ask("When does the museum open?").text(), "opens at ten")
}
