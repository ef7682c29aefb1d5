package bleve

import (
	"github.com/blevesearch/bleve/v2"
	"github.com/blevesearch/bleve/v2/analysis"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/keyword"
	"github.com/blevesearch/bleve/v2/analysis/analyzer/simple"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"
)

const (
	// TextField is the name, in the bleve index, of the field that is searched.
	TextField = "text"
	// MetadataPrefix stands in front of a metadata key in the name of the field
	// that it is filtered by: a query.Query for the key "year" names the field
	// MetadataPrefix + "year".
	MetadataPrefix = "metadata."
	// storedField holds the document itself where the index is in a folder.
	storedField = "document"
)

// newMapping returns a static mapping: one analyzed text field without stored
// value, term vectors and composite field, and keyword analysis for the rest.
// The default mapping of bleve indexes everything twice and is ten times slower.
func newMapping() *mapping.IndexMappingImpl {
	m := bleve.NewIndexMapping()
	text := bleve.NewTextFieldMapping()
	text.Analyzer = standIn
	text.Store, text.IncludeTermVectors, text.IncludeInAll, text.DocValues = false, false, false, false
	documents := bleve.NewDocumentStaticMapping()
	documents.AddFieldMappingsAt(TextField, text)
	m.DefaultMapping = documents
	m.DefaultAnalyzer = keyword.Name
	m.DefaultField = TextField
	m.ScoringModel = index.BM25Scoring
	m.IndexDynamic, m.StoreDynamic, m.DocValuesDynamic = false, false, false
	return m
}

// standIn is the name under which the mapping in a folder knows the analyzer of the
// text. bleve finds a simple analyzer of its own there; spoken puts the language's in
// its place.
const standIn = simple.Name

// spoken is the mapping with the language's analyzer for the text, for queries that
// are bleve's own.
type spoken struct {
	mapping.IndexMapping
	analyzer analysis.Analyzer
}

// AnalyzerNamed returns the language's analyzer for the stand-in.
func (m spoken) AnalyzerNamed(name string) analysis.Analyzer {
	if name == standIn {
		return m.analyzer
	}
	return m.IndexMapping.AnalyzerNamed(name)
}
