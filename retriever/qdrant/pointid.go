package qdrant

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"

	api "github.com/qdrant/go-client/qdrant"
)

// Namespace is the UUID namespace of the point ids that PointID makes from
// texts: the version 5 UUID of https://github.com/rankcascade/cascade/retriever/qdrant
// in the URL namespace of RFC 9562. It never changes, so that loading the same
// documents again replaces the same points, from any program and any language.
const Namespace = "e7376c7c-5fae-5fa9-afd6-de90b6c7ab34"

// PointID returns the point id of a document id. A canonical decimal number
// below 2^64 ("42", not "042") is that number, a canonical UUID (lower case with
// hyphens) is that UUID, and every other text is the version 5 UUID of the text
// in Namespace; Mapping keeps the text in the payload then.
func PointID(id string) *api.PointId {
	point, _ := pointID(id)
	return point
}

// pointID also reports whether the document id can be read off the point id.
func pointID(id string) (point *api.PointId, plain bool) {
	if n, err := strconv.ParseUint(id, 10, 64); err == nil && strconv.FormatUint(n, 10) == id {
		return api.NewIDNum(n), true
	}
	if canonicalUUID(id) {
		return api.NewIDUUID(id), true
	}
	return api.NewIDUUID(uuid5(Namespace, id)), false
}

// pointText returns a point id as text: the number, or the UUID.
func pointText(id *api.PointId) (string, bool) {
	switch v := id.GetPointIdOptions().(type) {
	case *api.PointId_Num:
		return strconv.FormatUint(v.Num, 10), true
	case *api.PointId_Uuid:
		return v.Uuid, v.Uuid != ""
	}
	return "", false
}

func canonicalUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case (c < '0' || c > '9') && (c < 'a' || c > 'f'):
			return false
		}
	}
	return true
}

// uuid5 is the version 5 UUID of RFC 9562 section 5.5: the first 16 bytes of
// SHA-1(namespace || name) with the version and the variant written over.
func uuid5(namespace, name string) string {
	space, err := hex.DecodeString(namespace[0:8] + namespace[9:13] + namespace[14:18] + namespace[19:23] + namespace[24:36])
	if err != nil {
		panic("qdrant: namespace is not a UUID: " + namespace) // a constant of this package
	}
	sum := sha1.Sum(append(space, name...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
