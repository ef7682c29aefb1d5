package nebius

import "encoding/json"

// modelNames reads the lists of OpenAI's form, of Cohere's, and TEI's one model.
func modelNames(body []byte) ([]string, bool) {
	type named struct{ ID, Name string }
	var list struct {
		Data    []named
		Models  []named
		ModelID string `json:"model_id"`
	}
	if json.Unmarshal(body, &list) != nil {
		var bare []named
		if json.Unmarshal(body, &bare) != nil {
			return nil, false
		}
		list.Data = bare
	}
	all := list.Data
	if all == nil {
		all = list.Models
	}
	names := make([]string, 0, len(all)+1)
	for _, m := range all {
		if n := printable(firstOf(m.ID, m.Name), 200); n != "" {
			names = append(names, n)
		}
	}
	if list.ModelID != "" {
		names = append(names, printable(list.ModelID, 200))
	}
	return names, all != nil || len(names) > 0
}
