package langchain

import (
	"math"

	"github.com/rankcascade/cascade/pipeline"
	"github.com/tmc/langchaingo/schema"
)

// Documents makes langchaingo documents of a ranking, in its order. The slice is
// never nil. At most the first Output is used, and of it the metadata settings.
//
// PageContent is the document's text, byte for byte. Score is the final score as
// a float32: finite, never rising, higher is better; scores that differ by less
// than a float32 can say become equal, the order stays. Metadata is a copy, also
// of maps and lists inside, that the caller may change, and is never nil where a
// record is written. The record stands under one key and holds only what
// encoding/json writes and reads back unchanged (strings, float64, bool, maps and
// lists of these):
//
//	"cascade": {
//		"id": "handbook-12", "rank": 1, "score": 0.93, "scale": "probability",
//		"degraded": true,
//		"gaps": [{"stage": "rerank", "reason": "deadline", "documents": 40}],
//		"stages": [
//			{"stage": "pgvector", "rank": 7, "score": 0.61, "scale": "cosine", "status": "scored"},
//			...]
//	}
//
// A document whose own metadata has that key for something else keeps it, and
// gets no record.
func Documents(r pipeline.Ranking, output ...Output) []schema.Document {
	out, _ := one(output)
	docs := make([]schema.Document, len(r.Hits))
	var gaps []any
	if !out.NoMetadata {
		gaps = recordGaps(r.Gaps)
	}
	for i, h := range r.Hits {
		docs[i] = schema.Document{PageContent: h.Document.Text, Score: narrow(h.Score), Metadata: cloneMap(h.Document.Metadata)}
		if out.NoMetadata {
			continue
		}
		if docs[i].Metadata == nil {
			docs[i].Metadata = make(map[string]any, 1)
		}
		key := out.metadataKey()
		if theirs, taken := docs[i].Metadata[key]; taken && !isRecord(theirs) {
			continue
		}
		docs[i].Metadata[key] = record(r, i, gaps)
	}
	return docs
}

// narrow rounds to the nearest float32, which never turns an order round, and
// keeps finite what is finite.
func narrow(score float64) float32 {
	return float32(min(max(score, -math.MaxFloat32), math.MaxFloat32))
}
