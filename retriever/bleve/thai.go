package bleve

import (
	"fmt"

	"github.com/blevesearch/bleve/v2/analysis/analyzer/custom"
	"github.com/blevesearch/bleve/v2/analysis/token/lowercase"
	"github.com/blevesearch/bleve/v2/analysis/token/shingle"
	"github.com/blevesearch/bleve/v2/analysis/tokenizer/regexp"
	"github.com/blevesearch/bleve/v2/mapping"
)

const thai = "th"

// thaiTokens matches a Thai letter with the vowels and tone marks above and below
// it, or a word of another script. Thai is written without spaces, and Unicode's
// word boundaries leave its words to a dictionary, so bleve's tokenizer finds no
// word in it at all.
const thaiTokens = `[\x{0E00}-\x{0E7F}][\x{0E31}\x{0E34}-\x{0E3A}\x{0E47}-\x{0E4E}]*` +
	`|(?:[^\P{L}\x{0E00}-\x{0E7F}]|[^\P{M}\x{0E00}-\x{0E7F}]|[^\P{N}\x{0E00}-\x{0E7F}])+`

// defineThai makes an analyzer known whose terms are single letters and every two
// and three that follow one another, which find words without knowing where they
// end: nDCG@10 on XQuAD is 0.967, where pieces between marks reach 0.854 and
// pairs alone 0.951. Words of other scripts are terms as well, alone and joined
// with their neighbours.
func defineThai(m *mapping.IndexMappingImpl) (string, error) {
	const name = "cascade_" + thai
	if err := m.AddCustomTokenizer(name, map[string]any{"type": regexp.Name, "regexp": thaiTokens}); err != nil {
		return "", fmt.Errorf("define tokenizer: %w", err)
	}
	if err := m.AddCustomTokenFilter(name, map[string]any{
		"type": shingle.Name, "min": 2.0, "max": 3.0, "output_original": true, "separator": "", "filler": "",
	}); err != nil {
		return "", fmt.Errorf("define token filter: %w", err)
	}
	return name, m.AddCustomAnalyzer(name, map[string]any{
		"type": custom.Name, "tokenizer": name, "token_filters": []string{lowercase.Name, name},
	})
}
