package bleve_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/rankcascade/cascade/retriever/bleve"
	"github.com/rankcascade/cascade/retriever/retrievertest"
)

// words is what readers of a language type, and what texts it finds and does not
// find. The first word of a pair is the query.
type words struct {
	finds, misses [][2]string
}

// golden has a row for each language on the list.
func golden() map[string]words {
	type w = [][2]string
	return map[string]words{
		"ar":   {w{{"مدرسة", "ذهب الولد إلى المدرسة"}, {"كتاب", "قرأت الكتاب أمس"}, {"٢٠٢٤", "في عام 2024"}, {"احمد", "جاء أحمد"}}, w{{"كتاب", "باب البيت"}}},
		"bg":   {w{{"училище", "Децата са в УЧИЛИЩЕ"}, {"българия", "столицата на България"}}, w{{"и", "той и тя"}}},
		"ca":   {w{{"avió", "l'avió vola"}, {"avió", "l’avió vola"}}, w{{"casa", "cosa"}}},
		"cjk":  {w{{"서울", "서울에서는 매년 축제가 열립니다"}, {"물", "물은 차갑다"}, {"北京大学", "我们在北京大学学习"}, {"茶", "我喜欢喝茶"}, {"カメラ", "新しいｶﾒﾗを買った"}, {"東京", "東京都に住む"}, {"cascade", "Ｃａｓｃａｄｅを使う"}, {"カメラ", "カメラマン"}}, w{{"서울", "부산에서는"}, {"京都", "東の京や都"}}},
		"ckb":  {w{{"کتێب", "ئەم کتێبە باشە"}, {"كتێب", "کتێب"}}, w{{"کتێب", "ماڵ"}}},
		"code": {w{{"read json file", "def read_json_file(path):"}, {"user name", "String getUserName()"}, {"getUserName", "obj.getUserName()"}, {"read_json_file", "x = read_json_file(p)"}, {"http server", "new HTTPServer2()"}, {"users", "getUser"}, {"HTTP_SERVER", "httpServer"}, {"maxRetries", "MAX_RETRIES = 3"}}, w{{"json", "jsonify_all"}, {"user", "usability"}}},
		"cs":   {w{{"škola", "Moje ŠKOLA je velká"}}, w{{"škola", "skála"}}},
		"da":   {w{{"huse", "husene i byen"}, {"ÆBLE", "et æble om dagen"}}, w{{"hus", "have"}}},
		"de":   {w{{"Haus", "die Häuser der Stadt"}, {"strasse", "in der Straße"}, {"STRASSE", "Straße"}, {"Wortteil", "Wort\u00adteil"}}, w{{"Haus", "die Hosen"}}},
		"el":   {w{{"αθηνα", "Η ΑΘΉΝΑ είναι η πρωτεύουσα"}, {"πρόβλημα", "τα προβλήματα της χώρας"}, {"δρόμος", "στους δρόμους"}, {"ΟΔΟΣ", "η οδός"}, {"σπίτι", "τα σπίτια"}, {"πόλη", "οι πόλεις"}, {"θάλασσα", "της θάλασσας"}}, w{{"θάλασσα", "θάνατος"}}},
		"en":   {w{{"run", "the runners were running"}, {"o'clock", "two o’clock"}, {"ﬁle", "a file"}, {"cafe\u0301", "café"}}, w{{"runner", "ruins"}, {"the", "the house"}}},
		"es":   {w{{"canciones", "una canción"}, {"niño", "los niños"}}, w{{"casa", "queso"}}},
		"eu":   {w{{"etxea", "ETXEA handia da"}}, w{{"etxea", "mendia"}}},
		"fa":   {w{{"کتاب", "این كتاب است"}, {"۱۴۰۳", "سال 1403"}}, w{{"کتاب", "باران"}}},
		"fi":   {w{{"talo", "talossa on lämmin"}, {"kirja", "kirjojen"}}, w{{"talo", "talvi"}}},
		"fr":   {w{{"avion", "l'avion vole"}, {"avion", "L’avion"}, {"chevaux", "chevaux"}, {"nationales", "national"}}, w{{"avion", "aviron"}}},
		"ga":   {w{{"scoil", "tá an SCOIL mór"}}, w{{"scoil", "sceal"}}},
		"gl":   {w{{"escola", "a ESCOLA nova"}}, w{{"escola", "escala"}}},
		"hi":   {w{{"लड़कियाँ", "लड़कियाँ स्कूल जाती हैं"}, {"२०२४", "2024 में"}, {"\u0958लम", "क\u093cलम"}}, w{{"स्कूल", "घर"}}},
		"hr":   {w{{"knjige", "knjiga je nova"}}, w{{"knjiga", "kniga"}}},
		"hu":   {w{{"ház", "a házak között"}, {"ŐSZ", "ősz van"}}, w{{"ház", "haza"}}},
		"hy":   {w{{"դպրոց", "ԴՊՐՈՑ"}}, w{{"դպրոց", "գիրք"}}},
		"id":   {w{{"sekolah", "SEKOLAH itu besar"}}, w{{"sekolah", "sekali"}}},
		"it":   {w{{"libri", "un libro"}, {"amico", "l'amico"}, {"città", "la citta\u0300 nuova"}}, w{{"libro", "labbro"}}},
		"nl":   {w{{"lichamelijk", "lichamelijke"}, {"boeken", "een boek"}}, w{{"fiets", "fles"}}},
		"no":   {w{{"havnedistrikt", "havnedistriktet"}, {"ØL", "øl"}}, w{{"hav", "hule"}}},
		"none": {w{{"straße", "Straße"}, {"cafe\u0301", "café"}, {"٣", "3 Äpfel"}}, w{{"runs", "run"}}},
		"pl":   {w{{"łódź", "ŁÓDŹ"}}, w{{"łódź", "lodz"}}},
		"pt":   {w{{"meninos", "um menino"}, {"ações", "a ação"}}, w{{"menino", "mentira"}}},
		"ro":   {w{{"școală", "şcoală"}, {"țară", "ţară"}, {"cărți", "cărţi"}, {"ŞTIINȚĂ", "știință"}}, w{{"casă", "masă"}}},
		"ru":   {w{{"елка", "ёлка"}, {"книги", "новая книга"}, {"ЁЖ", "еж"}}, w{{"книга", "кино"}}},
		"sv":   {w{{"flickor", "flickorna"}, {"ÅR", "ett år"}}, w{{"flicka", "fläck"}}},
		"th":   {w{{"ภาษาไทย", "ฉันเรียนภาษาไทยที่มหาวิทยาลัย"}, {"cascade", "ใช้โปรแกรมCascadeทุกวัน"}, {"๒๐", "20 บาท"}}, w{{"ภาษา", "cat"}}},
		"tr":   {w{{"IŞIK", "ışık yandı"}, {"istanbul", "İSTANBUL"}, {"İstanbul'da", "istanbul"}, {"ISPARTA", "ısparta"}, {"kitaplar", "kitap"}}, w{{"sınır", "sinir"}}},
		"vi":   {w{{"ha noi", "Hà Nội là thủ đô"}, {"Hà Nội", "HÀ NỘI"}, {"hoà bình", "hòa bình"}, {"dong", "đồng"}, {"tuỳ", "tùy"}, {norm.NFD.String("Việt Nam"), "Việt Nam"}}, w{{"má", "mả"}, {"toán", "tòan bộ"}}},
	}
}

// I1 and I4: every language on the list finds what its readers type, composed or
// decomposed, and not what only looks alike.
func TestI1EveryLanguageFindsWhatItsReadersType(t *testing.T) {
	t.Parallel()
	rows := golden()
	for _, language := range bleve.Languages() {
		row, ok := rows[language]
		require.True(t, ok && len(row.finds) > 0 && len(row.misses) > 0, "language %q has no row in the golden table", language)
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			for _, pair := range row.finds {
				assert.True(t, found(t, language, pair), "%q finds %q", pair[0], pair[1])
				assert.True(t, found(t, language, [2]string{norm.NFD.String(pair[0]), norm.NFC.String(pair[1])}), "decomposed %q finds %q", pair[0], pair[1])
				assert.True(t, found(t, language, [2]string{norm.NFC.String(pair[0]), norm.NFD.String(pair[1])}), "%q finds decomposed %q", pair[0], pair[1])
			}
			for _, pair := range row.misses {
				assert.False(t, found(t, language, pair), "%q does not find %q", pair[0], pair[1])
			}
		})
	}
}

func found(t *testing.T, language string, pair [2]string) bool {
	t.Helper()
	x := newIndex(t, texts(pair[1], "0000"), bleve.Options{Language: language})
	r, err := x.Retrieve(t.Context(), pipeline.Query{Text: pair[0]})
	require.NoError(t, err)
	return len(r.Hits) == 1 && r.Hits[0].Document.ID == "a"
}

func TestI1KoreanNounsAreFoundBeforeTheirParticles(t *testing.T) {
	t.Parallel()
	cities := strings.Fields("서울 부산 제주 대구 인천 광주 대전 울산 세종 수원")
	var sentences []string
	for _, c := range cities {
		sentences = append(sentences, c+"에서는 매년 가을에 축제가 열립니다.")
	}
	for _, language := range []string{"ko", "cjk"} {
		x := newIndex(t, texts(sentences...), bleve.Options{Language: language})
		for i, c := range cities {
			r, err := x.Retrieve(t.Context(), pipeline.Query{Text: c})
			require.NoError(t, err)
			require.Len(t, r.Hits, 1, c)
			assert.Equal(t, sentences[i], r.Hits[0].Document.Text)
		}
	}
}

// I2: a folder that was cut off anywhere is an error that names it.
func TestI2ATornIndexIsAnError(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "index")
	var many []string
	for i := range 3000 {
		many = append(many, fmt.Sprint("alpha word", i%97))
	}
	x, err := bleve.Create(context.Background(), folder, retrievertest.All(texts(many...)), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	bolt := filepath.Join("store", "root.bolt")
	info, err := os.Stat(filepath.Join(folder, bolt))
	require.NoError(t, err)
	for _, readOnly := range []bool{true, false} {
		for keep := int64(0); keep < info.Size(); keep += 2048 {
			copied := copyOf(t, folder)
			require.NoError(t, os.Truncate(filepath.Join(copied, bolt), keep))
			if keep >= used(t, filepath.Join(folder, bolt)) {
				continue // what is behind was never written
			}
			assertTorn(t, copied, readOnly, fmt.Sprintf("%d of %d bytes", keep, info.Size()))
		}
	}
	copied := copyOf(t, folder)
	whole, err := bleve.Open(copied, bleve.Options{})
	require.NoError(t, err, "the whole folder is read")
	assert.Equal(t, 3000, whole.Len())
	require.NoError(t, whole.Close())
}

// used returns the length of a bbolt file up to its last page in use.
func used(t *testing.T, path string) int64 {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	most := int64(0)
	for _, meta := range [][]byte{b[16:], b[4096+16:]} {
		most = max(most, int64(binary.NativeEndian.Uint64(meta[40:])*4096))
	}
	return most
}

func TestI2FilesThatWereOverwrittenAreAnError(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "index")
	x, err := bleve.Create(context.Background(), folder, retrievertest.All(texts("alpha", "beta")), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	segments, err := filepath.Glob(filepath.Join(folder, "store", "*.zap"))
	require.NoError(t, err)
	require.NotEmpty(t, segments)
	for _, name := range []string{filepath.Join("store", "root.bolt"), "index_meta.json", filepath.Join("store", filepath.Base(segments[0]))} {
		for what, content := range map[string][]byte{"empty": {}, "zeros": make([]byte, 1<<16), "noise": []byte(strings.Repeat("noise ", 4000))} {
			copied := copyOf(t, folder)
			require.NoError(t, os.WriteFile(filepath.Join(copied, name), content, 0o600))
			assertTorn(t, copied, true, what+" "+name)
		}
	}
}

func assertTorn(t *testing.T, folder string, readOnly bool, what string) {
	t.Helper()
	assert.NotPanics(t, func() {
		x, err := bleve.Open(folder, bleve.Options{ReadOnly: readOnly})
		if err == nil {
			_ = x.Close()
		}
		assert.ErrorContains(t, err, folder, what)
	}, what)
}

func copyOf(t *testing.T, folder string) string {
	t.Helper()
	copied := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.CopyFS(copied, os.DirFS(folder)))
	return copied
}

// I5: what is indexed for the wrong language says so.
func TestI5TheWrongLanguageIsSaid(t *testing.T) {
	t.Parallel()
	thai := strings.Repeat("ฉันเรียนภาษาไทยที่มหาวิทยาลัย ", 4)
	german := "Die Stadt liegt an einem Fluss und ist für ihre Brücken bekannt. Sie wurde im Mittelalter gegründet, und in der Mitte der Stadt steht noch heute eine Burg, die man besuchen kann."
	english := "The city lies on a river and is known for its bridges. It was founded in the Middle Ages, and in the middle of the city there is still a castle that you can visit."
	program := strings.Repeat("func readJSONFile(filePath string) error { rawBytes := os_read_file(filePath); return parseJSON(rawBytes, maxDepth) } ", 4)
	tests := map[string]struct{ language, text, says string }{
		"Thai under the default":   {"", thai, `looks like "th"`},
		"Chinese under none":       {"none", strings.Repeat("我们在北京大学学习中文。", 4), `looks like "cjk"`},
		"German under English":     {"en", german, `looks like "de"`},
		"English under German":     {"de", english, `looks like "en"`},
		"a program under English":  {"en", program, `looks like "code"`},
		"Lao, which nothing finds": {"en", strings.Repeat("ຂ້ອຍຮຽນພາສາລາວ ", 6), "most of the text is Lao, for which there is no analyzer"},
		"English under English":    {"en", english, ""},
		"German under none":        {"none", german, ""},
		"too little to say":        {"en", "Guten Tag", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := newIndex(t, texts(test.text), bleve.Options{Language: test.language})
			if test.says == "" {
				assert.Empty(t, x.Warning())
				assert.NotContains(t, pipeline.String(x), "warning")
				return
			}
			assert.Contains(t, x.Warning(), test.says)
			assert.Contains(t, pipeline.String(x), test.says)
		})
	}
	folder := filepath.Join(t.TempDir(), "index")
	x, err := bleve.Create(t.Context(), folder, retrievertest.All(texts(thai)), bleve.Options{})
	require.NoError(t, err)
	require.NoError(t, x.Close())
	x, err = bleve.Open(folder, bleve.Options{})
	require.NoError(t, err)
	defer x.Close()
	assert.Contains(t, x.Warning(), `"th"`, "the folder remembers")
}

func TestLanguagesAreGuessed(t *testing.T) {
	t.Parallel()
	for want, text := range map[string]string{
		"fr": "La ville se trouve au bord d'une rivière et elle est connue pour ses ponts. Elle a été fondée au Moyen Âge et il y a encore un château dans le centre, que l'on peut visiter.",
		"es": "La ciudad está a orillas de un río y es conocida por sus puentes. Fue fundada en la Edad Media y en el centro todavía hay un castillo que se puede visitar con los niños.",
		"vi": "Thành phố nằm bên một con sông và được biết đến với những cây cầu của nó. Nó đã được xây dựng từ thời Trung cổ và ở giữa thành phố vẫn có một lâu đài cho khách.",
		"ru": "Город стоит на берегу реки и известен своими мостами. Он был основан в средние века, и в центре города до сих пор есть замок, который можно посетить, если у вас есть время.",
		"fa": "این شهر در کنار رودخانه است و به خاطر پل های خود شناخته می شود. این شهر در قرون وسطی ساخته شد و هنوز هم در مرکز شهر یک قلعه است که می توان از آن دیدن کرد.",
		"el": "Η πόλη βρίσκεται δίπλα σε ένα ποτάμι και είναι γνωστή για τις γέφυρές της.",
		"hi": "यह शहर एक नदी के किनारे है और अपने पुलों के लिए जाना जाता है।",
	} {
		got, sure := bleve.GuessLanguage(text)
		assert.Equal(t, want, got, text)
		assert.True(t, sure, text)
	}
	for _, text := range []string{"", "12345 !!", "ok", "ភាសាខ្មែរ ភាសាខ្មែរ"} {
		got, sure := bleve.GuessLanguage(text)
		assert.Equal(t, bleve.NoLanguage, got, text)
		assert.False(t, sure, text)
	}
}
